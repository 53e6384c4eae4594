package main

import (
	"testing"
	"time"
)

// BenchmarkClockSteps is thirty days of one running desktop: what a step of the
// test clock costs, from the due time to the charged block and all that follows.
func BenchmarkClockSteps(b *testing.B) {
	p := newProgram(b, time.Date(2026, time.September, 30, 21, 0, 0, 0, time.UTC))
	customer := p.buyer(p.shop("steps", "UTC"), "ada")
	customer.order("business_basic")
	for b.Loop() {
		p.clock(object{"advance": "720h"})
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/2880, "ms/step")
}
