"""`fxlower_parallel_for`: how the iterations of a parallel loop get to torch's threads.

    fxlower_parallel_for(begin, end, grain, body, context)

calls `body(from, to, context)` until every iteration of [begin, end) has run once. Each thread of
torch's pool has a share of its own, which is the same in every loop over as many iterations: what
one kernel leaves in a core's cache, that core reads in the next. A thread takes its share chunk by
chunk, and then takes chunks of the others' shares, so that one that wakes late, or whose core has
other work, is not waited for. Iterations are independent, so results do not depend on who ran them.

Fewer iterations than `grain` are not worth a second thread. Chunks are a sixteenth of a share, but
at least a quarter of `grain`, next to which a call and an atomic addition cost nothing.
"""

from __future__ import annotations

SYMBOL = "fxlower_parallel_for"

NEEDS = ("torch_parallel_for", "torch_get_num_threads")
"""Functions of libtorch_cpu that `SHARED` calls; both since torch 2.10."""

SHARED = """
%job = type { ptr, ptr, i64, i64, i64, i64, i64, ptr }

declare i32 @torch_parallel_for(i64, i64, i64, ptr, ptr)
declare i32 @torch_get_num_threads(ptr)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

; One thread: its own share first, then those of the others in turn.
define internal void @work(i64 %thread, i64 %last, ptr %job) {
  %body.at = getelementptr %job, ptr %job, i32 0, i32 0
  %body = load ptr, ptr %body.at
  %context.at = getelementptr %job, ptr %job, i32 0, i32 1
  %context = load ptr, ptr %context.at
  %begin.at = getelementptr %job, ptr %job, i32 0, i32 2
  %begin = load i64, ptr %begin.at
  %end.at = getelementptr %job, ptr %job, i32 0, i32 3
  %end = load i64, ptr %end.at
  %team.at = getelementptr %job, ptr %job, i32 0, i32 4
  %team = load i64, ptr %team.at
  %share.at = getelementptr %job, ptr %job, i32 0, i32 5
  %share = load i64, ptr %share.at
  %chunk.at = getelementptr %job, ptr %job, i32 0, i32 6
  %chunk = load i64, ptr %chunk.at
  %counters.at = getelementptr %job, ptr %job, i32 0, i32 7
  %counters = load ptr, ptr %counters.at
  br label %visit
visit:
  %visited = phi i64 [ 0, %0 ], [ %visited.next, %leave ]
  %unwrapped = add i64 %thread, %visited
  %owner = urem i64 %unwrapped, %team
  %counter = getelementptr [8 x i64], ptr %counters, i64 %owner
  %after = add i64 %owner, 1
  %offset = mul i64 %after, %share
  %full = add i64 %begin, %offset
  %stop = call i64 @llvm.smin.i64(i64 %full, i64 %end)
  br label %take
take:
  %from = atomicrmw add ptr %counter, i64 %chunk monotonic
  %some = icmp slt i64 %from, %stop
  br i1 %some, label %run, label %leave
run:
  %whole = add i64 %from, %chunk
  %to = call i64 @llvm.smin.i64(i64 %whole, i64 %stop)
  call void %body(i64 %from, i64 %to, ptr %context)
  br label %take
leave:
  %visited.next = add i64 %visited, 1
  %more = icmp ult i64 %visited.next, %team
  br i1 %more, label %visit, label %done
done:
  ret void
}

define void @fxlower_parallel_for(i64 %begin, i64 %end, i64 %grain, ptr %body, ptr %context) {
  %count = sub i64 %end, %begin
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %ask, label %done
ask:
  %short = icmp ule i64 %count, %grain
  br i1 %short, label %alone, label %measure
measure:
  %threads.at = alloca i32
  store i32 1, ptr %threads.at
  %rc = call i32 @torch_get_num_threads(ptr %threads.at)
  %threads.32 = load i32, ptr %threads.at
  %threads = zext i32 %threads.32 to i64
  %grains.up = add i64 %count, %grain
  %grains.down = sub i64 %grains.up, 1
  %grains = udiv i64 %grains.down, %grain
  %team = call i64 @llvm.umin.i64(i64 %threads, i64 %grains)
  %several = icmp ugt i64 %team, 1
  br i1 %several, label %share.out, label %alone
share.out:
  %share.up = add i64 %count, %team
  %share.down = sub i64 %share.up, 1
  %share = udiv i64 %share.down, %team
  %sixteenth = lshr i64 %share, 4
  %grain.up = add i64 %grain, 3
  %quarter = lshr i64 %grain.up, 2
  %chunk = call i64 @llvm.umax.i64(i64 %sixteenth, i64 %quarter)
  %job = alloca %job
  %counters = alloca [8 x i64], i64 %team, align 64
  %body.at = getelementptr %job, ptr %job, i32 0, i32 0
  store ptr %body, ptr %body.at
  %context.at = getelementptr %job, ptr %job, i32 0, i32 1
  store ptr %context, ptr %context.at
  %begin.at = getelementptr %job, ptr %job, i32 0, i32 2
  store i64 %begin, ptr %begin.at
  %end.at = getelementptr %job, ptr %job, i32 0, i32 3
  store i64 %end, ptr %end.at
  %team.at = getelementptr %job, ptr %job, i32 0, i32 4
  store i64 %team, ptr %team.at
  %share.at = getelementptr %job, ptr %job, i32 0, i32 5
  store i64 %share, ptr %share.at
  %chunk.at = getelementptr %job, ptr %job, i32 0, i32 6
  store i64 %chunk, ptr %chunk.at
  %counters.at = getelementptr %job, ptr %job, i32 0, i32 7
  store ptr %counters, ptr %counters.at
  br label %prepare
prepare:
  %i = phi i64 [ 0, %share.out ], [ %i.next, %prepare ]
  %offset = mul i64 %i, %share
  %first = add i64 %begin, %offset
  %counter = getelementptr [8 x i64], ptr %counters, i64 %i
  store i64 %first, ptr %counter
  %i.next = add i64 %i, 1
  %again = icmp ult i64 %i.next, %team
  br i1 %again, label %prepare, label %start
start:
  %rc.2 = call i32 @torch_parallel_for(i64 0, i64 %team, i64 1, ptr @work, ptr %job)
  ret void
alone:
  call void %body(i64 %begin, i64 %end, ptr %context)
  ret void
done:
  ret void
}
"""

SERIAL = """
define void @fxlower_parallel_for(i64 %begin, i64 %end, i64 %grain, ptr %body, ptr %context) {
  %some = icmp slt i64 %begin, %end
  br i1 %some, label %run, label %done
run:
  call void %body(i64 %begin, i64 %end, ptr %context)
  br label %done
done:
  ret void
}
"""
"""For processes without torch: all iterations in one call, in this thread."""
