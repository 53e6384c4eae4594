package workspaces_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus/bustest"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/kasm"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// crowd is many desktops of several shops on several Kasm servers, with the
// reconciler that looks at them and nothing else of the product.
type crowd struct {
	testing.TB
	db     *tenants.DB
	clock  *clock.Movable
	hosts  []*crowdHost
	shops  []tenants.Tenant
	rounds *workspaces.Reconciler
}

// crowdHost is a Kasm server that tells a list as long as it is told to, and counts
// what it is asked.
type crowdHost struct {
	id     uuid.UUID
	server *httptest.Server
	clock  clock.Clock

	mu    sync.Mutex
	calls map[string]int
	kasms string // the list as it is sent
	list  []crowdDesktop
}

// crowdDesktop is one desktop as a host lists it.
type crowdDesktop struct {
	id, username, user string
}

// newCrowd makes the shops and the desktops, spread over the hosts; none runs yet.
func newCrowd(t testing.TB, hosts, shops, desktops int) *crowd {
	t.Helper()
	c := &crowd{TB: t, clock: clock.NewMovable(begin(), 0)}
	c.db, _ = bustest.Fresh(t, c.clock.Now)
	var fleet workspaces.Hosts
	for n := range hosts {
		h := &crowdHost{id: uuid.New(), clock: c.clock, calls: map[string]int{}}
		h.server = httptest.NewServer(h)
		t.Cleanup(h.server.Close)
		client, err := kasm.New(kasm.Config{URL: h.server.URL, Key: "key", Secret: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		c.hosts = append(c.hosts, h)
		fleet = append(fleet, workspaces.Host{ID: h.id, Name: fmt.Sprint("host ", n), Kind: "kasm", Active: true, Driver: kasm.NewDriver(client, time.Now)})
	}
	for n := range shops {
		c.shops = append(c.shops, bustest.Shop(t, c.db, fmt.Sprint("crowd", n)))
	}
	for n, shop := range c.shops {
		c.fill(shop, desktops/shops+min(1, max(0, desktops%shops-n)))
	}
	log := slog.New(slog.DiscardHandler)
	c.rounds = workspaces.NewReconciler(workspaces.New(workspaces.Config{DB: c.db, Clock: c.clock, Wall: time.Now, Meter: metering.NewService(log), Log: log, Fleet: fleet}))
	return c
}

// fill writes desktops that were asked for and are about to come up.
func (c *crowd) fill(shop tenants.Tenant, desktops int) {
	c.Helper()
	type row struct {
		User    uuid.UUID `db:"user_id"`
		Desktop string    `db:"kasm_workspace_id"`
	}
	for n, h := range c.hosts {
		count := desktops/len(c.hosts) + min(1, max(0, desktops%len(c.hosts)-n))
		err := c.db.In(c.Context(), shop, func(tx tenants.Tx) error {
			rows, err := tenants.List[row](c.Context(), tx, `-- crowd
				with people as (
				    insert into users (id, email, name, password_hash, status, email_verified_at, created_at)
				    select gen_random_uuid(), 'p' || n || '-' || $1 || '@example.com', 'Ada', 'x', 'active', $3, $3 from generate_series(1, $2::int) n returning id
				), bought as (
				    insert into services (user_id, plan_id, service_type, created_at)
				    select people.id, p.id, p.service_type, $3 from people, plans p where p.service_type = 'business_basic' returning id, user_id, plan_id
				)
				insert into kasm_workspaces (user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, kasm_server_id, kasm_user_id, kasm_workspace_id,
				    desired_state, observed_state, status, started_by, changed_at, created_at)
				select b.user_id, b.id, b.plan_id, t.id, 'business_basic', t.name, 2, 4096, $1::uuid, md5(b.user_id::text), md5(b.id::text), 'running', 'starting', 'provisioning', 'customer', $3, $3
				from bought b, lateral (select id, name from kasm_workspace_templates order by sort_order limit 1) t
				returning user_id, kasm_workspace_id`, h.id, count, c.clock.Now())
			for _, r := range rows {
				h.list = append(h.list, crowdDesktop{id: r.Desktop, user: hex.EncodeToString(r.User[:]), username: "ez." + shop.Slug + "." + hex.EncodeToString(r.User[:])})
			}
			return err
		})
		if err != nil {
			c.Fatal(err)
		}
	}
}

// up lets the desktops come up in so many rounds, so that their blocks fall due one
// round after the other, too.
func (c *crowd) up(rounds int) {
	c.Helper()
	for n := range rounds {
		for _, h := range c.hosts {
			h.say(n, rounds)
		}
		c.round()
	}
}

// round lets an interval pass and looks.
func (c *crowd) round() {
	c.Helper()
	c.clock.Set(c.clock.Now().Add(workspaces.Interval), 0)
	if err := c.rounds.Round(c.Context()); err != nil {
		c.Fatal(err)
	}
}

// say writes the list with every desktop up whose round has come.
func (h *crowdHost) say(round, rounds int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all strings.Builder
	for n, d := range h.list {
		if n > 0 {
			all.WriteByte(',')
		}
		state := workspaces.HostStarting
		if n%rounds <= round {
			state = workspaces.HostRunning
		}
		fmt.Fprintf(&all, crowdEntry, d.id, d.user, d.username, state, d.id, d.user, d.username, d.id)
	}
	h.kasms = all.String()
}

// crowdEntry is a desktop with all that a true server tells of it.
const crowdEntry = `{"kasm_id":"%s","user_id":"%s","username":"%s","image_id":"c7afd0e1f2a3b4c5d6e7f8091a2b3cd1","operational_status":"%s","operational_message":null,"operational_progress":100,` +
	`"container_id":"%s","container_ip":"172.18.0.4","host":"10.0.0.120","hostname":"10.0.0.120","port":443,"server_id":"5f0e4c21-8a3d-4b6e-9c7f-1a2b3c4d5e6f","zone_name":"default",` +
	`"cores":2.0,"memory":4096000000,"gpus":0,"share_id":null,"point_of_presence":null,"start_date":"2026-01-01 10:00:00.500000","created_date":"2026-01-01 09:59:58.000000",` +
	`"keepalive_date":"2026-01-01 10:00:00.500000","expiration_date":"2026-01-01 10:59:58.000000","is_persistent_profile":false,"persistent_profile_mode":null,"is_standby":false,"connection_info":{},"docker_network":null,` +
	`"user":{"user_id":"%s","username":"%s"},"server":{"server_id":"5f0e4c21-8a3d-4b6e-9c7f-1a2b3c4d5e6f","hostname":"10.0.0.120","port":443,"zone_name":"default","provider":"docker"},` +
	`"image":{"image_id":"c7afd0e1f2a3b4c5d6e7f8091a2b3cd1","name":"kasmweb/chromium:1.19.0","friendly_name":"Chromium","image_src":"img/x.png"},` +
	`"port_map":{"vnc":{"port":443,"path":"desktop/%s/vnc"},"uploads":{"port":443,"path":"x"}},"client_settings":{"allow_kasm_audio":false,"lock_sharing_video_mode":true,"enable_webp":false,"idle_disconnect":20.0}}`

func (h *crowdHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h.mu.Lock()
	h.calls[r.URL.Path]++
	kasms := h.kasms
	h.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"current_time":"%s","kasms":[`, h.clock.Now().Format("2006-01-02 15:04:05.000000"))
	_, _ = io.WriteString(w, kasms)
	_, _ = io.WriteString(w, `]}`)
}

func (h *crowdHost) counted() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = map[string]int{}
	return calls
}

func (h *crowdHost) total() (sum int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.calls {
		sum += n
	}
	return sum
}

// count asks every shop for one number and gives their sum.
func (c *crowd) count(sql string) (sum int) {
	c.Helper()
	for _, shop := range c.shops {
		var n int
		if err := c.db.Read(c.Context(), shop, tenants.GetQ(&n, "count", sql)); err != nil {
			c.Fatal(err)
		}
		sum += n
	}
	return sum
}

// A round is one call to each host, whatever the number of desktops and of shops.
func TestARoundIsOneCallAHost(t *testing.T) {
	t.Parallel()
	for _, desktops := range []int{0, 1, 500} {
		for _, shops := range []int{1, 5} {
			t.Run(fmt.Sprintf("%d desktops of %d shops", desktops, shops), func(t *testing.T) {
				t.Parallel()
				c := newCrowd(t, 2, shops, desktops)
				c.up(2)
				for _, h := range c.hosts {
					if calls := h.counted(); len(calls) != 1 || calls["/api/public/get_kasms"] != 2 {
						t.Errorf("two rounds while they come up: %v", calls)
					}
				}
				for n := range 3 {
					c.round()
					for _, h := range c.hosts {
						if calls := h.counted(); len(calls) != 1 || calls["/api/public/get_kasms"] != 1 {
							t.Errorf("round %d: %v", n, calls)
						}
					}
				}
				if n := c.count(`select count(*)::int from kasm_usage_sessions where stopped_at is null`); n != desktops {
					t.Errorf("%d sessions of %d desktops", n, desktops)
				}
			})
		}
	}
}

// What falls due at the same time looks at the hosts once, and again when time has
// passed.
func TestALookThatHasJustEndedCounts(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 1, 3)
	c.up(1)
	at := c.clock.Now()
	for _, tc := range []struct {
		since time.Time
		want  int
	}{{at, 1}, {at.Add(-time.Minute), 1}, {at.Add(time.Millisecond), 2}} {
		if err := c.rounds.RoundSince(t.Context(), tc.since); err != nil {
			t.Error(err)
		}
		if got := c.hosts[0].total(); got != tc.want {
			t.Errorf("%d lists after a look since %s, want %d", got, tc.since.Sub(at), tc.want)
		}
	}
}
