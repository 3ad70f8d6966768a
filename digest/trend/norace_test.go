//go:build !race

package trend

// slowdown is what the race detector costs.
const slowdown = 1
