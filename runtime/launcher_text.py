"""The launcher's functions as LLVM IR. `fxlower.runtime.launcher` says what they are for.

`$type_offset` and `$handle_offset` are where a tensor's Python object has its type and its handle.
"""

from __future__ import annotations

from string import Template

LAUNCH = "fxlower_launch"
UNCHANGED = "fxlower_unchanged"
FREE_ARENAS = "fxlower_free_arenas"
RELEASE_OWNER = "fxlower_release_owner"
EXPORTS = (LAUNCH, UNCHANGED, FREE_ARENAS, RELEASE_OWNER)

WRAP = "_Z16THPVariable_WrapRKN2at10TensorBaseE"
"""`PyObject* THPVariable_Wrap(const at::TensorBase&)` of libtorch_python."""

ARENAS = 4
"""So many arenas stay in memory between calls: one for each thread that runs compiled code."""

TEXT = Template("""
; A segment: its entry; counts of operands and of arguments; the words of the table and what follows
; it (sizes, strides, the arena's size), with the values that are known; where numbers go, (word,
; argument); the results; the words of the arena and of its size; which argument the arena is if the
; caller may have allocated it, else -1; the word of the trap; whether to let other Python threads
; run; the segment's twin in Python; the types of tensors that may come; exceptions and messages of
; traps; None.
%segment = type { ptr, i64, i64, i64, ptr, i64, ptr, i64, ptr, i64, i64, i64, i64, i64, ptr, ptr,
                  ptr, ptr, ptr }
; A result: the words of its pointer, sizes and strides; its rank and dtype; and which argument it
; is if the caller may have allocated it, else -1.
%result = type { i64, i64, i64, i64, i64, i64 }
; Weights that values were made of: how many; each one's object, address and version;
; where the steps of fused optimizers are counted, and how many there were (less than 0 of any of
; these: it does not matter); the types as above; "_version".
%weights = type { i64, ptr, ptr, i64, ptr, ptr, ptr }
%weight = type { ptr, i64, i64 }

@arenas = internal global [$arenas x ptr] zeroinitializer

declare ptr @PyBool_FromLong(i64)
declare ptr @PyCapsule_GetContext(ptr)
declare ptr @PyCapsule_GetPointer(ptr, ptr)
declare void @PyErr_Clear()
declare ptr @PyErr_Occurred()
declare void @PyErr_SetString(ptr, ptr)
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyEval_SaveThread()
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyObject_GetAttr(ptr, ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare i32 @aoti_torch_delete_tensor_object(ptr)
declare i32 @aoti_torch_empty_strided(i64, ptr, ptr, i32, i32, i32, ptr)
declare i32 @aoti_torch_get_data_ptr(ptr, ptr)
declare ptr @$wrap(ptr)
declare void @free(ptr)
declare i32 @posix_memalign(ptr, i64, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; Whether the object is a tensor of exactly one of two types.
define internal i1 @is_plain(ptr %object, ptr %tensor, ptr %parameter) alwaysinline {
  %type.at = getelementptr i8, ptr %object, i64 $type_offset
  %type = load ptr, ptr %type.at
  %is.tensor = icmp eq ptr %type, %tensor
  %is.parameter = icmp eq ptr %type, %parameter
  %is.plain = or i1 %is.tensor, %is.parameter
  ret i1 %is.plain
}

; An arena of at least %size bytes that nobody else has, null if memory is out. Its size is in the
; 64 bytes before the memory that is returned. One that is too small makes room for a larger one.
define internal ptr @take_arena(i64 %size) {
  %new = alloca ptr
  br label %look
look:
  %i = phi i64 [ 0, %0 ], [ %i.next, %next ]
  %place = getelementptr ptr, ptr @arenas, i64 %i
  %known = load atomic ptr, ptr %place monotonic, align 8
  %empty = icmp eq ptr %known, null
  br i1 %empty, label %next, label %try
try:
  %found = atomicrmw xchg ptr %place, ptr null acquire, align 8
  %gone = icmp eq ptr %found, null
  br i1 %gone, label %next, label %measure
measure:
  %has = load i64, ptr %found
  %fits = icmp uge i64 %has, %size
  br i1 %fits, label %take, label %drop
take:
  %memory = getelementptr i8, ptr %found, i64 64
  ret ptr %memory
drop:
  call void @free(ptr %found)
  br label %next
next:
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, $arenas
  br i1 %more, label %look, label %allocate
allocate:
  %whole = add i64 %size, 64
  %failed = call i32 @posix_memalign(ptr %new, i64 64, i64 %whole)
  %bad = icmp ne i32 %failed, 0
  br i1 %bad, label %none, label %made
none:
  ret ptr null
made:
  %block = load ptr, ptr %new
  store i64 %size, ptr %block
  %fresh = getelementptr i8, ptr %block, i64 64
  ret ptr %fresh
}

; Give an arena back.
define internal void @put_arena(ptr %memory) {
  %block = getelementptr i8, ptr %memory, i64 -64
  br label %look
look:
  %i = phi i64 [ 0, %0 ], [ %i.next, %next ]
  %place = getelementptr ptr, ptr @arenas, i64 %i
  %pair = cmpxchg ptr %place, ptr null, ptr %block release monotonic, align 8
  %put = extractvalue { ptr, i1 } %pair, 1
  br i1 %put, label %done, label %next
next:
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, $arenas
  br i1 %more, label %look, label %full
full:
  call void @free(ptr %block)
  ret void
done:
  ret void
}

define void @fxlower_free_arenas() {
  br label %look
look:
  %i = phi i64 [ 0, %0 ], [ %i.next, %look ]
  %place = getelementptr ptr, ptr @arenas, i64 %i
  %found = atomicrmw xchg ptr %place, ptr null acquire, align 8
  call void @free(ptr %found)
  %i.next = add i64 %i, 1
  %more = icmp ult i64 %i.next, $arenas
  br i1 %more, label %look, label %done
done:
  ret void
}

; The destructor of a descriptor's capsule, whose context owns the descriptor's memory.
define void @fxlower_release_owner(ptr %capsule) {
  %owner = call ptr @PyCapsule_GetContext(ptr %capsule)
  call void @Py_DecRef(ptr %owner)
  ret void
}

; PyObject *launch(PyObject *capsule, PyObject *const *args, Py_ssize_t count)
; with args: operands, numbers, results that the caller has allocated.
define ptr @fxlower_launch(ptr %self, ptr %args, i64 %count) {
start:
  %segment = call ptr @PyCapsule_GetPointer(ptr %self, ptr null)
  %entry = load ptr, ptr %segment
  %operands.at = getelementptr %segment, ptr %segment, i32 0, i32 1
  %operands = load i64, ptr %operands.at
  %arguments.at = getelementptr %segment, ptr %segment, i32 0, i32 2
  %arguments = load i64, ptr %arguments.at
  %words.at = getelementptr %segment, ptr %segment, i32 0, i32 3
  %words = load i64, ptr %words.at
  %known.at = getelementptr %segment, ptr %segment, i32 0, i32 4
  %known = load ptr, ptr %known.at
  %number.count.at = getelementptr %segment, ptr %segment, i32 0, i32 5
  %number.count = load i64, ptr %number.count.at
  %numbers.at = getelementptr %segment, ptr %segment, i32 0, i32 6
  %numbers = load ptr, ptr %numbers.at
  %result.count.at = getelementptr %segment, ptr %segment, i32 0, i32 7
  %result.count = load i64, ptr %result.count.at
  %results.at = getelementptr %segment, ptr %segment, i32 0, i32 8
  %results = load ptr, ptr %results.at
  %arena.word.at = getelementptr %segment, ptr %segment, i32 0, i32 9
  %arena.word = load i64, ptr %arena.word.at
  %arena.size.word.at = getelementptr %segment, ptr %segment, i32 0, i32 10
  %arena.size.word = load i64, ptr %arena.size.word.at
  %trap.word.at = getelementptr %segment, ptr %segment, i32 0, i32 12
  %trap.word = load i64, ptr %trap.word.at
  %release.at = getelementptr %segment, ptr %segment, i32 0, i32 13
  %release = load i64, ptr %release.at
  %tensor.at = getelementptr %segment, ptr %segment, i32 0, i32 15
  %tensor = load ptr, ptr %tensor.at
  %parameter.at = getelementptr %segment, ptr %segment, i32 0, i32 16
  %parameter = load ptr, ptr %parameter.at
  %made.count = alloca i64
  store i64 0, ptr %made.count
  %handle = alloca ptr
  %trap = alloca i64
  store i64 0, ptr %trap
  %table = alloca i64, i64 %words, align 64
  %made = alloca ptr, i64 %result.count
  %right.count = icmp eq i64 %count, %arguments
  br i1 %right.count, label %fill, label %elsewhere

fill:
  %bytes = mul i64 %words, 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %table, ptr align 8 %known, i64 %bytes, i1 false)
  br label %operand
operand:
  %o = phi i64 [ 0, %fill ], [ %o.next, %operand.done ]
  %o.more = icmp ult i64 %o, %operands
  br i1 %o.more, label %operand.check, label %number
operand.check:
  %operand.at = getelementptr ptr, ptr %args, i64 %o
  %object = load ptr, ptr %operand.at
  %plain = call i1 @is_plain(ptr %object, ptr %tensor, ptr %parameter)
  br i1 %plain, label %operand.read, label %elsewhere
operand.read:
  %object.handle = getelementptr i8, ptr %object, i64 $handle_offset
  %operand.word = getelementptr i64, ptr %table, i64 %o
  %operand.rc = call i32 @aoti_torch_get_data_ptr(ptr %object.handle, ptr %operand.word)
  %operand.bad = icmp ne i32 %operand.rc, 0
  br i1 %operand.bad, label %elsewhere, label %operand.seen
operand.seen:
  %operand.address = load i64, ptr %operand.word
  %operand.none = icmp eq i64 %operand.address, 0
  br i1 %operand.none, label %elsewhere, label %operand.done
operand.done:
  %o.next = add i64 %o, 1
  br label %operand

number:
  %n = phi i64 [ 0, %operand ], [ %n.next, %number.done ]
  %n.more = icmp ult i64 %n, %number.count
  br i1 %n.more, label %number.read, label %result
number.read:
  %pair.first = shl i64 %n, 1
  %pair.second = add i64 %pair.first, 1
  %number.word.at = getelementptr i64, ptr %numbers, i64 %pair.first
  %number.word = load i64, ptr %number.word.at
  %number.arg.at = getelementptr i64, ptr %numbers, i64 %pair.second
  %number.arg = load i64, ptr %number.arg.at
  %number.object.at = getelementptr ptr, ptr %args, i64 %number.arg
  %number.object = load ptr, ptr %number.object.at
  %value = call i64 @PyLong_AsLongLong(ptr %number.object)
  %number.to = getelementptr i64, ptr %table, i64 %number.word
  store i64 %value, ptr %number.to
  %value.odd = icmp eq i64 %value, -1
  br i1 %value.odd, label %number.check, label %number.done
number.check:
  %error = call ptr @PyErr_Occurred()
  %error.none = icmp eq ptr %error, null
  br i1 %error.none, label %number.done, label %number.bad
number.bad:
  call void @PyErr_Clear()
  br label %elsewhere
number.done:
  %n.next = add i64 %n, 1
  br label %number

result:
  %r = phi i64 [ 0, %number ], [ %r.next, %result.done ]
  %r.more = icmp ult i64 %r, %result.count
  br i1 %r.more, label %result.read, label %arena
result.read:
  %one = getelementptr %result, ptr %results, i64 %r
  %one.word = load i64, ptr %one
  %one.pointer = getelementptr i64, ptr %table, i64 %one.word
  %one.given.at = getelementptr %result, ptr %one, i32 0, i32 5
  %one.given = load i64, ptr %one.given.at
  %made.at = getelementptr ptr, ptr %made, i64 %r
  %is.given = icmp sge i64 %one.given, 0
  br i1 %is.given, label %given, label %create
given:
  %given.at = getelementptr ptr, ptr %args, i64 %one.given
  %given.object = load ptr, ptr %given.at
  %no.object.at = getelementptr %segment, ptr %segment, i32 0, i32 18
  %no.object = load ptr, ptr %no.object.at
  %given.none = icmp eq ptr %given.object, %no.object
  br i1 %given.none, label %create, label %given.check
given.check:
  %given.plain = call i1 @is_plain(ptr %given.object, ptr %tensor, ptr %parameter)
  br i1 %given.plain, label %given.read, label %elsewhere
given.read:
  %given.handle = getelementptr i8, ptr %given.object, i64 $handle_offset
  %given.rc = call i32 @aoti_torch_get_data_ptr(ptr %given.handle, ptr %one.pointer)
  %given.bad = icmp ne i32 %given.rc, 0
  br i1 %given.bad, label %elsewhere, label %given.done
given.done:
  call void @Py_IncRef(ptr %given.object)
  store ptr %given.object, ptr %made.at
  br label %result.done
create:
  %one.sizes.at = getelementptr %result, ptr %one, i32 0, i32 1
  %one.sizes = load i64, ptr %one.sizes.at
  %sizes = getelementptr i64, ptr %table, i64 %one.sizes
  %one.strides.at = getelementptr %result, ptr %one, i32 0, i32 2
  %one.strides = load i64, ptr %one.strides.at
  %strides = getelementptr i64, ptr %table, i64 %one.strides
  %one.rank.at = getelementptr %result, ptr %one, i32 0, i32 3
  %rank = load i64, ptr %one.rank.at
  %one.dtype.at = getelementptr %result, ptr %one, i32 0, i32 4
  %dtype.wide = load i64, ptr %one.dtype.at
  %dtype = trunc i64 %dtype.wide to i32
  %create.rc = call i32 @aoti_torch_empty_strided(i64 %rank, ptr %sizes, ptr %strides, i32 %dtype,
                                                  i32 0, i32 0, ptr %handle)
  %create.bad = icmp ne i32 %create.rc, 0
  br i1 %create.bad, label %elsewhere, label %created
created:
  %new = load ptr, ptr %handle
  %wrapped = call ptr @$wrap(ptr %new)
  %pointer.rc = call i32 @aoti_torch_get_data_ptr(ptr %new, ptr %one.pointer)
  %delete.rc = call i32 @aoti_torch_delete_tensor_object(ptr %new)
  %wrapped.none = icmp eq ptr %wrapped, null
  br i1 %wrapped.none, label %wrapped.bad, label %wrapped.check
wrapped.bad:
  call void @PyErr_Clear()
  br label %elsewhere
wrapped.check:
  store ptr %wrapped, ptr %made.at
  %wrapped.count = add i64 %r, 1
  store i64 %wrapped.count, ptr %made.count
  ; Under a mode of torch's dispatcher it may be anything.
  %wrapped.plain = call i1 @is_plain(ptr %wrapped, ptr %tensor, ptr %parameter)
  %pointer.good = icmp eq i32 %pointer.rc, 0
  %wrapped.good = and i1 %wrapped.plain, %pointer.good
  br i1 %wrapped.good, label %result.done, label %elsewhere
result.done:
  %r.next = add i64 %r, 1
  store i64 %r.next, ptr %made.count
  br label %result

arena:
  %arena.size.at = getelementptr i64, ptr %table, i64 %arena.size.word
  %size = load i64, ptr %arena.size.at
  %size.some = icmp sgt i64 %size, 0
  br i1 %size.some, label %arena.look, label %run
arena.look:
  %arena.given.at = getelementptr %segment, ptr %segment, i32 0, i32 11
  %arena.given = load i64, ptr %arena.given.at
  %arena.is.given = icmp sge i64 %arena.given, 0
  br i1 %arena.is.given, label %arena.read, label %arena.take
arena.read:
  %arena.object.at = getelementptr ptr, ptr %args, i64 %arena.given
  %arena.object = load ptr, ptr %arena.object.at
  %arena.plain = call i1 @is_plain(ptr %arena.object, ptr %tensor, ptr %parameter)
  br i1 %arena.plain, label %arena.use, label %arena.take
arena.use:
  %arena.handle = getelementptr i8, ptr %arena.object, i64 $handle_offset
  %arena.pointer = getelementptr i64, ptr %table, i64 %arena.word
  %arena.rc = call i32 @aoti_torch_get_data_ptr(ptr %arena.handle, ptr %arena.pointer)
  %arena.bad = icmp ne i32 %arena.rc, 0
  br i1 %arena.bad, label %elsewhere, label %run
arena.take:
  %memory = call ptr @take_arena(i64 %size)
  %memory.none = icmp eq ptr %memory, null
  br i1 %memory.none, label %elsewhere, label %arena.taken
arena.taken:
  %arena.at = getelementptr ptr, ptr %table, i64 %arena.word
  store ptr %memory, ptr %arena.at
  br label %run

run:
  %taken = phi ptr [ null, %arena ], [ null, %arena.use ], [ %memory, %arena.taken ]
  %trap.at = getelementptr ptr, ptr %table, i64 %trap.word
  store ptr %trap, ptr %trap.at
  %is.long = icmp ne i64 %release, 0
  br i1 %is.long, label %run.long, label %run.short
run.long:
  %thread = call ptr @PyEval_SaveThread()
  call void %entry(ptr %table)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %ran
run.short:
  call void %entry(ptr %table)
  br label %ran
ran:
  %taken.none = icmp eq ptr %taken, null
  br i1 %taken.none, label %trapped, label %arena.put
arena.put:
  call void @put_arena(ptr %taken)
  br label %trapped
trapped:
  %code = load i64, ptr %trap
  %is.trapped = icmp ne i64 %code, 0
  br i1 %is.trapped, label %raise, label %return
raise:
  %traps.at = getelementptr %segment, ptr %segment, i32 0, i32 17
  %traps = load ptr, ptr %traps.at
  %exception.index = shl i64 %code, 1
  %exception.at = getelementptr ptr, ptr %traps, i64 %exception.index
  %exception = load ptr, ptr %exception.at
  %message.index = add i64 %exception.index, 1
  %message.at = getelementptr ptr, ptr %traps, i64 %message.index
  %message = load ptr, ptr %message.at
  call void @PyErr_SetString(ptr %exception, ptr %message)
  call void @drop(ptr %made, i64 %result.count)
  ret ptr null

return:
  switch i64 %result.count, label %return.tuple [ i64 0, label %return.none
                                                  i64 1, label %return.one ]
return.none:
  %none.at = getelementptr %segment, ptr %segment, i32 0, i32 18
  %none = load ptr, ptr %none.at
  call void @Py_IncRef(ptr %none)
  ret ptr %none
return.one:
  %only = load ptr, ptr %made
  ret ptr %only
return.tuple:
  %tuple = call ptr @PyTuple_New(i64 %result.count)
  %tuple.none = icmp eq ptr %tuple, null
  br i1 %tuple.none, label %return.failed, label %return.item
return.failed:
  call void @drop(ptr %made, i64 %result.count)
  ret ptr null
return.item:
  %t = phi i64 [ 0, %return.tuple ], [ %t.next, %return.item ]
  %item.at = getelementptr ptr, ptr %made, i64 %t
  %item = load ptr, ptr %item.at
  %item.rc = call i32 @PyTuple_SetItem(ptr %tuple, i64 %t, ptr %item)
  %t.next = add i64 %t, 1
  %t.more = icmp ult i64 %t.next, %result.count
  br i1 %t.more, label %return.item, label %return.done
return.done:
  ret ptr %tuple

; Nothing has been run or written: Python does it, or says what is wrong.
elsewhere:
  %some = load i64, ptr %made.count
  call void @drop(ptr %made, i64 %some)
  %twin.at = getelementptr %segment, ptr %segment, i32 0, i32 14
  %twin = load ptr, ptr %twin.at
  %called = call ptr @PyObject_Vectorcall(ptr %twin, ptr %args, i64 %count, ptr null)
  ret ptr %called
}

define internal void @drop(ptr %objects, i64 %count) {
  br label %look
look:
  %i = phi i64 [ 0, %0 ], [ %i.next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  call void @Py_DecRef(ptr %object)
  %i.next = add i64 %i, 1
  br label %look
done:
  ret void
}

; PyObject *unchanged(PyObject *capsule, PyObject *const *args, Py_ssize_t count)
; says whether all weights are what values were made of.
define ptr @fxlower_unchanged(ptr %self, ptr %args, i64 %count) {
start:
  %weights = call ptr @PyCapsule_GetPointer(ptr %self, ptr null)
  %expected = load i64, ptr %weights
  %known.at = getelementptr %weights, ptr %weights, i32 0, i32 1
  %known = load ptr, ptr %known.at
  %steps.at.at = getelementptr %weights, ptr %weights, i32 0, i32 2
  %steps.at = load ptr, ptr %steps.at.at
  %steps.known.at = getelementptr %weights, ptr %weights, i32 0, i32 3
  %steps.known = load i64, ptr %steps.known.at
  %tensor.at = getelementptr %weights, ptr %weights, i32 0, i32 4
  %tensor = load ptr, ptr %tensor.at
  %parameter.at = getelementptr %weights, ptr %weights, i32 0, i32 5
  %parameter = load ptr, ptr %parameter.at
  %attribute.at = getelementptr %weights, ptr %weights, i32 0, i32 6
  %attribute = load ptr, ptr %attribute.at
  %address = alloca i64
  %steps = load i64, ptr %steps.at
  %steps.same = icmp eq i64 %steps, %steps.known
  %steps.any = icmp slt i64 %steps.known, 0
  %no.step = or i1 %steps.same, %steps.any
  %right.count = icmp eq i64 %count, %expected
  %begin = and i1 %no.step, %right.count
  br i1 %begin, label %weight, label %changed
weight:
  %w = phi i64 [ 0, %start ], [ %w.next, %weight.done ]
  %w.more = icmp ult i64 %w, %count
  br i1 %w.more, label %weight.check, label %same
weight.check:
  %object.at = getelementptr ptr, ptr %args, i64 %w
  %object = load ptr, ptr %object.at
  %one = getelementptr %weight, ptr %known, i64 %w
  %known.object = load ptr, ptr %one
  %plain = call i1 @is_plain(ptr %object, ptr %tensor, ptr %parameter)
  %same.object = icmp eq ptr %object, %known.object
  %readable = and i1 %plain, %same.object
  br i1 %readable, label %weight.read, label %changed
weight.read:
  %handle = getelementptr i8, ptr %object, i64 $handle_offset
  %rc = call i32 @aoti_torch_get_data_ptr(ptr %handle, ptr %address)
  %found = load i64, ptr %address
  %known.address.at = getelementptr %weight, ptr %one, i32 0, i32 1
  %known.address = load i64, ptr %known.address.at
  %read = icmp eq i32 %rc, 0
  %same.address = icmp eq i64 %found, %known.address
  %any.address = icmp slt i64 %known.address, 0
  %stays = or i1 %same.address, %any.address
  %in.place = and i1 %read, %stays
  br i1 %in.place, label %weight.age, label %changed
weight.age:
  %known.version.at = getelementptr %weight, ptr %one, i32 0, i32 2
  %known.version = load i64, ptr %known.version.at
  %counts = icmp sge i64 %known.version, 0
  br i1 %counts, label %weight.version, label %weight.done
weight.version:
  %number = call ptr @PyObject_GetAttr(ptr %object, ptr %attribute)
  %number.none = icmp eq ptr %number, null
  br i1 %number.none, label %weight.bad, label %weight.compare
weight.bad:
  call void @PyErr_Clear()
  br label %changed
weight.compare:
  %version = call i64 @PyLong_AsLongLong(ptr %number)
  call void @Py_DecRef(ptr %number)
  %as.old = icmp eq i64 %version, %known.version
  br i1 %as.old, label %weight.done, label %changed
weight.done:
  %w.next = add i64 %w, 1
  br label %weight
same:
  %true = call ptr @PyBool_FromLong(i64 1)
  ret ptr %true
changed:
  %false = call ptr @PyBool_FromLong(i64 0)
  ret ptr %false
}
""")
