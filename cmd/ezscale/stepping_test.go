package main

import (
	"fmt"
	"net/http"
	"slices"
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

// BenchmarkOrderToRunning is a customer's order by the public API, from the request
// to the answer that the desktop runs, on a host that starts it at once.
func BenchmarkOrderToRunning(b *testing.B) {
	p := newProgram(b, time.Date(2026, time.October, 5, 9, 0, 0, 0, time.UTC))
	p.clock(object{"rate": 1})
	customer := p.buyer(p.shop("orders", "UTC"), "ada")
	customer.drop(customer.order("business_basic")) // makes the account on the host, once
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		made := customer.want(http.StatusCreated, http.MethodPost, "create_workspace", object{"workspace_type": "business_basic"})
		took = append(took, time.Since(began))
		b.StopTimer()
		if made["status"] != "running" {
			b.Fatalf("the desktop is %v", made["status"])
		}
		customer.drop(fmt.Sprint(made["workspace_id"]))
		b.StartTimer()
	}
	slices.Sort(took)
	for name, part := range map[string]float64{"p50-ms": 0.50, "p95-ms": 0.95} {
		b.ReportMetric(took[int(part*float64(len(took)-1))].Seconds()*1000, name)
	}
}

func (b *buyer) drop(id string) {
	b.p.t.Helper()
	b.want(http.StatusOK, http.MethodPost, "destroy_workspace", object{"workspace_id": id})
}
