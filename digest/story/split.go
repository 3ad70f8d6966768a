package story

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// split calls do with parts of 0 to n-1, from a goroutine for each processor,
// worker by number. Parts are small since some take longer than others.
func split(n int, do func(worker, from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n/64+1)
	parts := 8 * workers
	var next atomic.Int32
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for k := int(next.Add(1)) - 1; k < parts; k = int(next.Add(1)) - 1 {
				do(worker, n*k/parts, n*(k+1)/parts)
			}
		})
	}
	wg.Wait()
}
