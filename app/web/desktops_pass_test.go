package web

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/app/workspaces"
)

func TestAPassReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	shop, other := uuid.New(), uuid.New()
	rapid.Check(t, func(r *rapid.T) {
		p, ok := newPass(uuid.New(), uuid.New(), rapid.IntRange(0, 1<<31-1).Draw(r, "run"), rapid.IntRange(0, 1<<31-1).Draw(r, "epoch"), rapid.StringN(1, 50, -1).Draw(r, "token"))
		if !ok {
			r.Fatal("no pass")
		}
		p = p.lasting(time.Unix(rapid.Int64Range(0, 1<<40).Draw(r, "until"), 0))
		text := p.signed(testKey, shop, seal.DesktopTicket)
		if got, ok := readPass(testKey, shop, seal.DesktopTicket, text); !ok || got != p {
			r.Fatalf("got %+v %v, want %+v", got, ok, p)
		}
		if _, ok := readPass(testKey, other, seal.DesktopTicket, text); ok {
			r.Fatal("counts in another shop")
		}
		if _, ok := readPass(testKey, shop, seal.DesktopCookie, text); ok {
			r.Fatal("counts for another purpose")
		}
		changed := []byte(text)
		at := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		if changed[at] = rapid.Byte().Draw(r, "byte"); string(changed) != text {
			if _, ok := readPass(testKey, shop, seal.DesktopTicket, string(changed)); ok {
				r.Fatalf("counts with byte %d changed", at)
			}
		}
		if q := p.lasting(time.Unix(p.until, 0)); q == p {
			r.Fatal("two have one number")
		}
	})
	for _, bad := range [][2]int{{-1, 0}, {0, -1}, {1 << 31, 0}} {
		if _, ok := newPass(shop, shop, bad[0], bad[1], "x"); ok {
			t.Errorf("a pass of run %d, epoch %d", bad[0], bad[1])
		}
	}
	if _, ok := newPass(shop, shop, 1, 1, ""); ok {
		t.Error("a pass without a sign-in")
	}
}

// FuzzReadPass looks for a text that passes without having been signed.
func FuzzReadPass(f *testing.F) {
	shop := uuid.MustParse("0198a3a0-0000-7000-8000-000000000001")
	good, _ := newPass(shop, shop, 1, 1, "token")
	text := good.signed(testKey, shop, seal.DesktopTicket)
	for _, seed := range []string{text, text[:len(text)-1], text + "=", strings.Repeat("A", len(text)), "", "%", text[:50] + "\n" + text[51:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, ok := readPass(testKey, shop, seal.DesktopTicket, s); ok && (s != text || p != good) {
			t.Errorf("%q passes as %+v", s, p)
		}
		if _, ok := readPass(testKey, shop, seal.DesktopCookie, s); ok {
			t.Errorf("%q passes as a cookie", s)
		}
	})
}

// FuzzSpotOf looks for a path that a desktop could take for its interface or for
// its customer's files, and we do not.
func FuzzSpotOf(f *testing.F) {
	for _, seed := range []string{"/", "/api/x", "/%61pi", "/a/../Downloads/x", `\api`, "/%2e%2e/api", "/%25%36%31pi/x", "/DOWNLOADS", "//api", "/x%00/../api"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := cleaned(s)
		if !strings.HasPrefix(clean, "/") || strings.Contains(clean, "//") || strings.HasPrefix(clean, "/../") || strings.Contains(clean, "/./") || cleaned(clean) != clean {
			t.Fatalf("%q is cleaned to %q", s, clean)
		}
		at := spotOf(clean)
		first, _, _ := strings.Cut(clean[1:], "/")
		if strings.EqualFold(first, "api") && at != forbidden || strings.EqualFold(first, "downloads") && at == ordinary {
			t.Errorf("%q is %d", clean, at)
		}
	})
}

func TestATicketIsRememberedUntilItIsOver(t *testing.T) {
	t.Parallel()
	s := spent{tickets: map[[16]byte]int64{}}
	now := time.Unix(1000, 0)
	one, two := pass{}.lasting(now.Add(ticketFor)), pass{}.lasting(now.Add(2*ticketFor))
	if !s.once(one, now) || s.once(one, now.Add(ticketFor-time.Second)) || !s.once(two, now.Add(ticketFor)) {
		t.Error("a ticket counts twice, or not at all")
	}
	if len(s.tickets) != 1 || !one.over(now.Add(ticketFor)) {
		t.Error("what is over is remembered still")
	}
}

func TestWaysThatNobodyGoesAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	p := newPorter(&server{}, func() time.Time { return now })
	old, busy := uuid.New(), uuid.New()
	p.wayTo(old).transport = transportTo(workspaces.Upstream{})
	unplug, _ := p.plugIn(busy)
	p.believe(pass{workspace: old}, verdict{at: now})
	now = now.Add(forgottenAfter + time.Second)
	p.wayTo(uuid.New())
	p.believe(pass{workspace: busy}, verdict{at: now})
	if _, there := p.ways[old]; there || len(p.ways) != 2 || len(p.believed) != 1 {
		t.Errorf("%d ways and %d verdicts are kept", len(p.ways), len(p.believed))
	}
	unplug()
	if p.ways[busy].sockets != 0 {
		t.Error("a websocket is counted that was closed")
	}
}

func TestOriginsOfTheShop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secure       bool
		host, origin string
		own          bool
	}{
		{false, "a.test:8080", "http://a.test:8080", true},
		{false, "a.test", "https://a.test", true}, // a proxy before us that speaks TLS and was not told of
		{true, "a.test", "https://a.test", true},
		{true, "a.test", "http://a.test", false},
		{true, "a.test", "https://b.test", false},
		{true, "a.test", "https://a.test:444", false},
		{true, "a.test", "", false},
		{true, "a.test", "null", false},
		{true, "a.test", "https://a.test.evil", false},
		{false, "a.test", "ftp://a.test", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.host
		r.Header.Set("Origin", c.origin)
		if got := (&server{secure: c.secure}).ownOrigin(r); got != c.own {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestGaugesAreToldInTimeOrNotAtAll(t *testing.T) {
	t.Parallel()
	cpu, ram := 12.5, int64(900)
	d := newBehind(t)
	d.host.use = func(context.Context) (workspaces.Gauge, error) {
		return workspaces.Gauge{CPUPercent: &cpu, RAMMB: &ram}, nil
	}
	desk := d.read()
	tell := func() workspaces.Gauge { return d.deps.Workspaces.Gauge(t.Context(), d.a, desk) }
	if g := tell(); g.CPUPercent == nil || *g.CPUPercent != cpu || g.RAMMB == nil || *g.RAMMB != ram {
		t.Errorf("got %+v", g)
	}
	staff := d.person(d.a, "boss@example.com", accounts.Staff)
	key, secret, err := d.deps.Accounts.CreateKey(t.Context(), d.a, staff.ID, "gauges")
	if err != nil {
		t.Fatal(err)
	}
	status := func() string {
		r := httptest.NewRequest("GET", "http://x/api/public/workspace_status?workspace_id="+desk.ID.String(), nil)
		r.Host, r.RemoteAddr = d.ada.host, d.ip
		r.Header.Set("X-API-Key", key.Key)
		r.Header.Set("X-API-Secret", secret)
		return d.at(d.a).do(r).want(200).body
	}
	if got := status(); !strings.Contains(got, `"cpu_usage_percent":12.5,"ram_usage_mb":900`) {
		t.Errorf("the API says %s", got)
	}
	deaf := make(chan struct{})
	defer close(deaf)
	for name, use := range map[string]func(context.Context) (workspaces.Gauge, error){
		"refuses": func(context.Context) (workspaces.Gauge, error) {
			return workspaces.Gauge{RAMMB: &ram}, errors.New("no")
		},
		"is slow": func(ctx context.Context) (workspaces.Gauge, error) {
			<-ctx.Done()
			return workspaces.Gauge{}, ctx.Err()
		},
		"is deaf": func(context.Context) (workspaces.Gauge, error) { <-deaf; return workspaces.Gauge{}, nil },
	} {
		d.host.use = use
		began := time.Now()
		if g := tell(); g != (workspaces.Gauge{}) || time.Since(began) > 3*time.Second {
			t.Errorf("a host that %s: %+v after %s", name, g, time.Since(began))
		}
	}
	d.stops(d.desk, at(11, 55))
	if got := status(); !strings.Contains(got, `"cpu_usage_percent":null,"ram_usage_mb":null`) {
		t.Errorf("the API says %s of a desktop that is off", got)
	}
}
