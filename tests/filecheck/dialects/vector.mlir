// RUN: fxlower-opt %s | fxlower-opt | filecheck %s
// RUN: fxlower-opt %s --print-op-generic | fxlower-opt | filecheck %s

// CHECK-LABEL: func.func @mem(%m: memref<?x8xf32>, %n: index, %i: vector<4xi32>, %k: vector<4xi1>, %v: vector<4xf32>) {
// CHECK-NEXT:    %g = vector.gather %m[%n, %n] [%i], %k, %v : memref<?x8xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:    vector.scatter %m[%n, %n] [%i], %k, %v : memref<?x8xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32>
// CHECK-NEXT:    %l = vector.load %m[%n, %n] : memref<?x8xf32>, vector<4xf32>
// CHECK-NEXT:    %ml = vector.maskedload %m[%n, %n], %k, %v : memref<?x8xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
// CHECK-NEXT:    %cm = vector.create_mask %n : vector<4xi1>
// CHECK-NEXT:    %step = vector.step : vector<4xindex>
// CHECK-NEXT:    %km = vector.constant_mask [3] : vector<4xi1>
// CHECK-NEXT:    %red = vector.reduction <maximumf>, %v : vector<4xf32> into f32
// CHECK-NEXT:    %red2 = vector.reduction <add>, %v, %red fastmath<reassoc> : vector<4xf32> into f32
// CHECK-NEXT:    func.return
// CHECK-NEXT:  }

func.func @mem(%m: memref<?x8xf32>, %n: index, %i: vector<4xi32>, %k: vector<4xi1>, %v: vector<4xf32>) {
  %g = vector.gather %m[%n, %n] [%i], %k, %v : memref<?x8xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  vector.scatter %m[%n, %n] [%i], %k, %v : memref<?x8xf32>, vector<4xi32>, vector<4xi1>, vector<4xf32>
  %l = vector.load %m[%n, %n] : memref<?x8xf32>, vector<4xf32>
  %ml = vector.maskedload %m[%n, %n], %k, %v : memref<?x8xf32>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  %cm = vector.create_mask %n : vector<4xi1>
  %step = vector.step : vector<4xindex>
  %km = vector.constant_mask [3] : vector<4xi1>
  %red = vector.reduction <maximumf>, %v : vector<4xf32> into f32
  %red2 = vector.reduction <add>, %v, %red fastmath<reassoc> : vector<4xf32> into f32
  func.return
}
