package workspaces_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// BenchmarkReconcile10k is one round over ten thousand desktops that run, of twenty
// shops on one server. The blocks of a thirtieth of them begin in it, as they do
// with fifteen minutes to a block and a round every thirty seconds. What it costs
// is CPU: of this process, which also sends itself the list, and of Postgres.
func BenchmarkReconcile10k(b *testing.B) {
	c := newCrowd(b, 1, 20, 10_000)
	c.up(30)
	if n := c.count(`select count(*)::int from kasm_usage_sessions where stopped_at is null`); n != 10_000 {
		b.Fatalf("%d desktops run", n)
	}
	for _, shop := range c.shops {
		_ = c.db.In(b.Context(), shop, func(tx tenants.Tx) error { _, err := tx.Exec(b.Context(), `analyze`); return err })
	}
	postgres := postgresOf(b, c)
	blocks := c.count(`select count(*)::int from usage_blocks`)
	here, there := ownCPU(), cpuOf(postgres)
	for b.Loop() {
		c.round()
	}
	here, there = ownCPU()-here, cpuOf(postgres)-there
	b.ReportMetric(here.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(there.Seconds()/float64(b.N), "postgres-cpu-s/op")
	b.ReportMetric(float64(c.count(`select count(*)::int from usage_blocks`)-blocks)/float64(b.N), "blocks/op")
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// postgresOf is the process number of the postmaster, 0 where it cannot be known.
func postgresOf(b *testing.B, c *crowd) int {
	var backend int
	if err := c.db.CentralRead(b.Context(), tenants.GetQ(&backend, "process", `select pg_backend_pid()`)); err != nil {
		b.Fatal(err)
	}
	postmaster, _ := strconv.Atoi(statOf(filepath.Join("/proc", strconv.Itoa(backend), "stat"))[1])
	return postmaster
}

// statOf is what the system tells of a process after its name: its state, its
// parent, and so on.
func statOf(name string) [13]string {
	var known [13]string
	text, err := os.ReadFile(name)
	if err == nil {
		copy(known[:], strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])))
	}
	return known
}

// cpuOf is the CPU that a process and its children alive have used, where the
// system tells in /proc.
func cpuOf(postmaster int) (sum time.Duration) {
	if postmaster == 0 {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		fields := statOf(name)
		if fields[1] != strconv.Itoa(postmaster) {
			continue
		}
		// Ticks of a hundredth of a second.
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		sum += time.Duration(user+system) * 10 * time.Millisecond
	}
	return sum
}
