// Package bench measures NoiseFS end to end and beside others, in one run on
// one machine, so that ratios mean something: [Store] is what 'noisefs bench
// store' prints. Benchmarks of single codecs and actors stand beside their
// code; comparisons of engines are in the folders below.
package bench
