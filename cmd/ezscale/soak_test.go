package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

// The size of the soak. .ci/soak runs a larger one than the tests do.
var (
	soakDesktops = flag.Int("soak.desktops", 200, "desktops of the soak")
	soakDays     = flag.Float64("soak.days", 1, "simulated days of the soak")
	soakWithin   = flag.Duration("soak.within", 10*time.Minute, "real time after which the soak ends early")
)

const (
	soakPerCustomer = 8
	soakPerShop     = 50
	soakStartDelay  = time.Second // as far as the clock steps meanwhile
	soakStopDelay   = time.Second
	soakTick        = 10 * time.Minute // people look at the clock: their deeds come together
	soakAway        = 6 * time.Minute  // long enough for a block to fall due
	soakRest        = 20 * time.Minute // of simulated time, until everything is looked at again
	soakRests       = 12
)

// TestSoak lets many customers of several shops do as they like for a simulated
// day while the desktop host fails now and then, loses desktops, is full or away,
// and the program is stopped and started; then it holds the books against the
// host's own record. SOAK_SEED repeats what customers and chance do.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	s.openShops()
	s.live()
	s.comeToRest()
	s.compare()
	s.figures()
}

// soak is the world of the test.
type soak struct {
	t      *testing.T
	chance *rand.Rand
	dir    string
	host   *soakHost
	p      *program
	logs   []*program // every life of the program, for what it said
	shops  []string
	people []*soakCustomer
	desks  []*soakDesk
	spells []soakSpell

	began, now time.Time       // simulated
	wall       time.Time       // when it began to live
	walks      []time.Duration // how long the clock took, each time
	answers    struct {
		sync.Mutex
		by map[string]int
	}
	kills, restarts, notIdle int
	full, away               int // spells that were lived through
}

func newSoak(t *testing.T) *soak {
	seed, err := strconv.ParseUint(os.Getenv("SOAK_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("SOAK_SEED=%d: %d desktops for %g days, within %s", seed, *soakDesktops, *soakDays, *soakWithin)
	s := &soak{t: t, chance: rand.New(rand.NewPCG(seed, 0)), dir: pgtest.Dir(t)}
	s.answers.by = map[string]int{}
	length := time.Duration(*soakDays * float64(24*time.Hour))
	// The end of October lies in the middle, so that invoices are made.
	s.began = time.Date(2026, time.November, 1, 3, 0, 0, 0, time.UTC).Add(-length / 2).Truncate(time.Minute)
	s.host = newSoakHost(t)
	s.host.set(object{"start_delay_ms": soakStartDelay.Milliseconds(), "stop_delay_ms": soakStopDelay.Milliseconds()})
	s.boot()
	s.hurry()
	s.p.clock(object{"rate": 0})
	s.until(s.began.Add(soakTick))
	for n := range *soakDesktops {
		s.desks = append(s.desks, &soakDesk{s: s, n: n, chance: rand.New(rand.NewPCG(seed, uint64(n)+1))})
	}
	return s
}

// boot starts the program beside the host, which runs on when it stops.
func (s *soak) boot() {
	s.t.Helper()
	s.p = startProgram(s.t, s.dir, s.began, s.host.environ()...)
	s.logs = append(s.logs, s.p)
}

// hurry lets commits return before they are on the disk, which costs most of the
// time and shows nothing here: nothing is cut off that is not closed in order.
func (s *soak) hurry() {
	db := booksOf(s.t, s.dir, "house")
	defer db.Close(s.t.Context())
	for _, sql := range []string{`alter system set synchronous_commit = off`, `select pg_reload_conf()`} {
		if _, err := db.Exec(s.t.Context(), sql); err != nil {
			s.t.Fatal(err)
		}
	}
}

// openShops makes the shops, whose months end at different moments and whose
// blocks differ in length, and their customers.
func (s *soak) openShops() {
	zones := []string{"UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"}
	for n := range max(2, (*soakDesktops+soakPerShop-1)/soakPerShop) {
		shop := s.p.shop(fmt.Sprintf("soak%d", n), zones[n%len(zones)])
		s.shops = append(s.shops, shop)
		s.p.cli("plan", "set", "--tenant", shop, "--type", "developer_basic", "--block-seconds", "600", "--json")
		s.p.cli("plan", "set", "--tenant", shop, "--type", "developer_pro", "--block-seconds", "3600", "--json")
	}
	for n := range (len(s.desks) + soakPerCustomer - 1) / soakPerCustomer {
		s.people = append(s.people, &soakCustomer{shop: s.shops[n%len(s.shops)], name: fmt.Sprintf("c%d", n)})
	}
	s.register()
	for n, d := range s.desks {
		d.who = s.people[n/soakPerCustomer]
	}
}

// live lets time pass from deed to deed until the simulated time or the real time
// is over.
func (s *soak) live() {
	s.host.set(object{"error_rate": 0.05, "error_style": "mixed"})
	end := s.began.Add(time.Duration(*soakDays * float64(24*time.Hour)))
	s.plan(end)
	s.wall = time.Now()
	restarts := []time.Time{s.began.Add(end.Sub(s.began) / 3), s.began.Add(end.Sub(s.began) * 2 / 3), end}
	for s.now.Before(end) && !s.t.Failed() {
		if time.Since(s.wall) > *soakWithin {
			s.t.Logf("the real time is over after %s of %s simulated", s.now.Sub(s.began), end.Sub(s.began))
			return
		}
		away := s.weather()
		s.customers()
		s.killSome()
		if away {
			s.until(s.now.Add(soakAway))
			s.host.set(object{"unreachable": false})
		}
		next := s.now.Add(time.Duration(1+s.chance.IntN(3)) * soakTick)
		if !s.now.Before(restarts[0]) {
			s.restart(next)
			restarts = restarts[1:]
		}
		s.until(next)
	}
}

// until lets simulated time pass. Consumers that do not catch up within the
// clock's patience get more of it: this machine may be slow.
func (s *soak) until(at time.Time) {
	s.t.Helper()
	began := time.Now()
	defer func() { s.walks = append(s.walks, time.Since(began)) }()
	for tries := 1; ; tries++ {
		a, err := s.ask(http.MethodPost, "localhost", "/api/test/clock", nil, object{"now": at.Format(time.RFC3339Nano)})
		switch {
		case err == nil && a.status == http.StatusOK:
			s.now = at
			return
		case err != nil || a.status != http.StatusServiceUnavailable || tries == 20:
			s.t.Fatalf("move the clock to %s: %d %s %v", at, a.status, a.text, err)
		}
		s.notIdle++
	}
}

// restart stops the program in the midst of its work and starts it again on the
// same data: every second time while its clock walks. The host runs on, and loses
// a desktop meanwhile.
func (s *soak) restart(next time.Time) {
	s.t.Helper()
	walked := make(chan struct{})
	if s.restarts%2 == 1 {
		steps := s.host.steps.Load()
		go func() {
			defer close(walked)
			_, _ = s.ask(http.MethodPost, "localhost", "/api/test/clock", nil, object{"now": next.Format(time.RFC3339Nano)})
		}()
		soon(s.t, "the clock walks", time.Minute, func() bool { return s.host.steps.Load() > steps })
	} else {
		close(walked)
	}
	s.p.stop()
	<-walked
	s.killOne()
	s.boot()
	s.restarts++
}

// soakSpell is when the host does not answer for a while, or is full until the next
// deeds.
type soakSpell struct {
	at   time.Time
	away bool
}

// plan draws the spells: three a day, full and away by turns.
func (s *soak) plan(end time.Time) {
	const part = 8 * time.Hour
	for from := s.began; from.Before(end); from = from.Add(part) {
		s.spells = append(s.spells, soakSpell{from.Add(time.Duration(s.chance.Int64N(int64(part)))), len(s.spells)%2 == 1})
	}
}

// weather begins the spell whose time has come, and ends what was before.
func (s *soak) weather() (away bool) {
	capacity := -1
	if len(s.spells) > 0 && !s.now.Before(s.spells[0].at) {
		if away = s.spells[0].away; away {
			s.away++
		} else {
			capacity = s.host.running()
			s.full++
		}
		s.spells = s.spells[1:]
	}
	s.host.set(object{"capacity": capacity, "unreachable": away})
	return away
}

// killSome ends desktops at the host without telling anybody: about one in a
// hundred every hour.
func (s *soak) killSome() {
	for _, id := range s.host.live(s.now) {
		if s.chance.IntN(300) == 0 {
			s.host.kill(id)
			s.kills++
		}
	}
}

func (s *soak) killOne() {
	if live := s.host.live(s.now); len(live) > 0 {
		s.host.kill(live[s.chance.IntN(len(live))])
		s.kills++
	}
}

// comeToRest lets the host work well and waits, in simulated time, until nothing
// is under way.
func (s *soak) comeToRest() {
	if s.t.Failed() {
		return
	}
	s.host.set(object{"error_rate": 0, "capacity": -1, "unreachable": false})
	left := ""
	for range soakRests {
		s.until(s.now.Add(soakRest))
		if left = s.left(); left == "" {
			return
		}
	}
	s.t.Errorf("not at rest %s after the last deed: %s", soakRests*soakRest, left)
}

// left says what is still under way.
func (s *soak) left() string {
	var all []string
	for _, shop := range s.shops {
		db := booksOf(s.t, s.dir, shop)
		text := one[string](s.t, db, `select concat_ws(', ',
			(select 'events: ' || string_agg(id || ' ' || subject, ', ') from central.outbox where done_at is null),
			(select 'due: ' || string_agg(kind || ' ' || key || ' of ' || due_at, ', ') from central.due
			 where due_at <= '`+s.now.Format(time.RFC3339)+`' or schema_name = current_schema and kind in ('converge', 'deadline')),
			(select 'workspaces: ' || string_agg(id || ' ' || desired_state || '/' || observed_state, ', ') from kasm_workspaces
			 where observed_state in ('requested', 'starting', 'stopping') or status = 'provisioning' or desired_state <> 'running' and observed_state = 'running' or lease_until > now()))`)
		_ = db.Close(s.t.Context())
		if text != "" {
			all = append(all, shop+": "+text)
		}
	}
	return strings.Join(all, "; ")
}

// figures says what the soak was and what it cost.
func (s *soak) figures() {
	took := time.Since(s.wall)
	steps := s.host.steps.Load()
	var walking time.Duration
	for _, w := range s.walks {
		walking += w
	}
	s.t.Logf("%s simulated in %s of real time, of which the clock walked %s: %d settings of the clock, %s each", s.now.Sub(s.began), took.Round(time.Second),
		walking.Round(time.Second), steps, (walking / time.Duration(max(steps, 1))).Round(10*time.Microsecond))
	s.t.Logf("from deed to deed the clock walked for %s", spread(s.walks))
	s.t.Logf("%d desktops killed, %d restarts, the host was full %d times and away %d times, %d times the clock asked for more time", s.kills, s.restarts, s.full, s.away, s.notIdle)
	s.t.Logf("customers were answered: %s", inOrder(s.answers.by))
	s.t.Logf("calls to the host: %s", s.host.counts())
	db := booksOf(s.t, s.dir, s.shops[0])
	defer db.Close(s.t.Context())
	events := one[int](s.t, db, `select coalesce(max(id), 0)::int from central.outbox`)
	cpu, rss := usage()
	s.t.Logf("%d events, %.0f a second; %s of CPU in this process, %d MB of memory at most, %d processors", events, float64(events)/took.Seconds(), cpu.Round(time.Second), rss>>20, runtime.NumCPU())
}
