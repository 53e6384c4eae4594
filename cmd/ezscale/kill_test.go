package main

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

const (
	killDesks      = 50
	killCustomers  = 10
	killsOfServe   = 20 // at the least
	killsOfDB      = 3
	killShop       = "crash"
	killBlock      = 60 * time.Second // the shop's blocks, so that several fit into the test
	killLongRun    = 70 * time.Second // of every third desktop: longer than a block
	readyWithin    = 60 * time.Second
	quietWithin    = 3 * time.Minute
	stoppedWithin  = 5 * time.Second
	answeredWithin = 60 * time.Second
)

// TestKillAnything starts and stops fifty desktops over HTTP while the program and
// its database are killed again and again, the desktop host running on, and then
// compares the books with what the host recorded. KILL_SEED repeats a run's chances.
func TestKillAnything(t *testing.T) {
	t.Parallel()
	k := newKilling(t)
	k.openShop()
	chaos, over := context.WithCancel(t.Context())
	defer over()
	var desks sync.WaitGroup
	for _, d := range k.desks {
		desks.Go(func() { d.live(chaos) })
	}
	k.wreck()
	over()
	desks.Wait()
	if t.Failed() {
		return
	}
	k.compare()
	k.leave()
}

// killing is the world of the test: the program that dies, the desktop host that
// does not, and the customers.
type killing struct {
	t       *testing.T
	dir     string
	environ []string
	address string // of the web server
	simAt   string
	chance  *rand.Rand
	sim     *process
	serve   *process
	desks   []*desk
	outages outages

	kills, dbKills    int
	restarts, returns []time.Duration // from a kill of the program, of the database, until it is ready again
}

func newKilling(t *testing.T) *killing {
	seed, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("KILL_SEED=%d", seed)
	k := &killing{t: t, dir: pgtest.Dir(t), address: freeAddress(t), chance: rand.New(rand.NewPCG(seed, 0))}
	k.environ = []string{"EZSCALE_DATA_DIR=" + k.dir, "EZSCALE_HTTP_ADDR=" + k.address}
	t.Cleanup(k.end)
	k.startSim()
	k.boot()
	k.awaitReady()
	for n := range killDesks {
		k.desks = append(k.desks, &desk{k: k, n: n, host: killShop + ".localhost", chance: rand.New(rand.NewPCG(seed, uint64(n)+1))})
	}
	return k
}

// startSim runs the desktop host as a process of its own, on a folder of its own.
func (k *killing) startSim() {
	folder := k.t.TempDir()
	out := filepath.Join(folder, "out")
	var err error
	k.sim, err = spawn([]string{"EZSCALE_DATA_DIR=" + folder, "EZSCALE_KASM_SIM_ADDR=127.0.0.1:0"}, out, filepath.Join(folder, "log"), "kasm-sim", "--json")
	if err != nil {
		k.t.Fatal(err)
	}
	var said struct {
		Address string `json:"kasm_sim"`
		Key     string `json:"api_key"`
		Secret  string `json:"api_key_secret"`
	}
	firstLine(k.t, k.sim, out, &said)
	k.simAt = said.Address
	k.environ = append(k.environ, "EZSCALE_KASM_URL="+said.Address, "EZSCALE_KASM_API_KEY="+said.Key, "EZSCALE_KASM_API_KEY_SECRET="+said.Secret)
	k.setSim(object{"start_delay_ms": 400, "stop_delay_ms": 200})
}

func (k *killing) end() {
	for _, p := range []*process{k.serve, k.sim} {
		if p != nil {
			p.kill()
		}
	}
	soon(k.t, "Postgres ends after its owner", 30*time.Second, func() bool { return !alive(k.postmaster()) })
	if k.t.Failed() {
		k.showLog()
	}
}

// showLog shows the end of what the program said, and every error.
func (k *killing) showLog() {
	text, err := os.ReadFile(k.logFile())
	if err != nil {
		return
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if i > len(lines)-60 || strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") {
			k.t.Log(line)
		}
	}
}

func (k *killing) logFile() string { return filepath.Join(k.dir, "serve.log") }

// boot starts the program and does not wait for it.
func (k *killing) boot() {
	k.t.Helper()
	p, err := spawn(k.environ, os.DevNull, k.logFile(), "serve")
	if err != nil {
		k.t.Fatal(err)
	}
	k.serve = p
}

// awaitReady waits until requests are served.
func (k *killing) awaitReady() {
	k.t.Helper()
	soon(k.t, "the program is ready", readyWithin, func() bool {
		select {
		case <-k.serve.exited:
			k.t.Fatalf("the program ended by itself: %v", k.serve.err)
		default:
		}
		return k.isReady()
	})
}

// openShop makes the shop, its prices and its customers beside the running program.
func (k *killing) openShop() {
	k.t.Helper()
	var ignored object
	k.command(&ignored, "tenant", "create", "--name", "Crash", "--slug", killShop, "--email", "owner@crash.test")
	for _, plan := range []string{"developer_basic", "business_pro"} {
		k.command(&ignored, "plan", "set", "--tenant", killShop, "--type", plan, "--block-seconds", strconv.Itoa(int(killBlock/time.Second)))
	}
	for c := range killCustomers {
		var who customer
		k.command(&who, "user", "create", "--tenant", killShop, "--email", "c"+strconv.Itoa(c)+"@crash.test", "--credit", "500.00", "--api-key")
		for n := c; n < killDesks; n += killCustomers {
			k.desks[n].who = who
		}
	}
}

// wreck kills, in an order left to chance, and goes on after each.
func (k *killing) wreck() {
	began := time.Now()
	var deeds []func()
	for _, d := range []struct {
		times int
		deed  func()
	}{{9, k.killRunning}, {6, k.killYoung}, {3, k.killBooting}, {4, k.killStopping}, {3, k.killDatabase}, {1, k.killBoth}} {
		for range d.times {
			deeds = append(deeds, d.deed)
		}
	}
	k.chance.Shuffle(len(deeds), func(i, j int) { deeds[i], deeds[j] = deeds[j], deeds[i] })
	for i, deed := range deeds {
		switch i {
		case len(deeds) / 3:
			k.setSim(object{"error_rate": 0.05, "latency_ms": 150})
		case len(deeds) * 2 / 3:
			k.setSim(object{"error_rate": 0, "latency_ms": 20})
		}
		deed()
	}
	for k.kills < killsOfServe {
		k.killRunning()
	}
	k.pause(2*time.Second, 3*time.Second)
	if k.dbKills < killsOfDB {
		k.t.Errorf("the database was killed %d times only", k.dbKills)
	}
	k.t.Logf("%d kills of the program and %d of the database in %s", k.kills, k.dbKills, time.Since(began).Round(time.Second))
	k.t.Logf("ready again after a kill of the program: %s", spread(k.restarts))
	k.t.Logf("ready again after a kill of the database: %s", spread(k.returns))
}

// again counts a kill, starts the program and waits until it serves.
func (k *killing) again(killed bool) {
	k.t.Helper()
	if killed {
		k.kills++
	}
	k.boot()
	k.awaitReady()
	k.restarts = append(k.restarts, k.outages.over())
}

// killRunning kills in the midst of work.
func (k *killing) killRunning() {
	k.pause(2*time.Second, 9*time.Second)
	k.outages.begin()
	k.again(k.serve.kill())
}

// killYoung kills what has just begun to serve, and has much to make up for.
func (k *killing) killYoung() {
	k.pause(0, 800*time.Millisecond)
	k.outages.begin()
	k.again(k.serve.kill())
}

// killBooting kills once more on the way up.
func (k *killing) killBooting() {
	k.pause(500*time.Millisecond, 3*time.Second)
	k.outages.begin()
	if k.serve.kill() {
		k.kills++
	}
	k.boot()
	k.pause(0, 1200*time.Millisecond)
	k.again(k.serve.kill())
}

// killStopping kills in the midst of an orderly end, or lets it come to it.
func (k *killing) killStopping() {
	k.pause(500*time.Millisecond, 3*time.Second)
	k.outages.begin()
	_ = k.serve.cmd.Process.Signal(syscall.SIGTERM)
	k.pause(0, time.Second)
	k.again(k.serve.kill())
}

// killDatabase kills Postgres under the program, which brings it up again.
func (k *killing) killDatabase() {
	k.pause(500*time.Millisecond, 4*time.Second)
	pid := k.killPostmaster()
	k.awaitDatabase(pid)
}

// killBoth kills Postgres, and the program while it mends that.
func (k *killing) killBoth() {
	k.pause(500*time.Millisecond, 2*time.Second)
	k.killPostmaster()
	k.pause(0, 500*time.Millisecond)
	k.again(k.serve.kill())
}

func (k *killing) killPostmaster() int {
	pid := k.postmaster()
	k.outages.begin()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		k.t.Fatalf("kill the postmaster %d: %v", pid, err)
	}
	k.dbKills++
	return pid
}

// awaitDatabase waits for another postmaster than the one that was killed.
func (k *killing) awaitDatabase(killed int) {
	soon(k.t, "the database is back", readyWithin, func() bool {
		pid := k.postmaster()
		return pid != 0 && pid != killed && k.isReady()
	})
	k.returns = append(k.returns, k.outages.over())
}

func (k *killing) pause(from, to time.Duration) {
	pauseFor(k.t.Context(), from+time.Duration(k.chance.Int64N(int64(to-from))))
}

// pauseFor lets time pass: this test is about what happens in it.
func pauseFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// leave asks both programs to stop, which they do at once and with all they started.
func (k *killing) leave() {
	postmaster := k.postmaster()
	for name, p := range map[string]*process{"serve": k.serve, "kasm-sim": k.sim} {
		took, err := p.ends(stoppedWithin)
		if err != nil {
			k.t.Errorf("%s was asked to stop: %v", name, err)
		}
		k.t.Logf("%s stopped within %s", name, took.Round(time.Millisecond))
	}
	if alive(postmaster) {
		k.t.Errorf("Postgres %d outlives the program that started it", postmaster)
	}
}
