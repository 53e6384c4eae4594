package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

const goodPassword = "correct horse battery"

// world is one shop with the service on it; wall time is moved by hand.
type world struct {
	*Service
	t    testing.TB
	shop tenants.Tenant
	wall atomic.Pointer[time.Time]
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, shop := tenanttest.New(t)
	w := &world{t: t, shop: shop}
	w.setWall(time.Now().UTC())
	svc, err := New(db, clock.Wall{}, func() time.Time { return *w.wall.Load() })
	if err != nil {
		t.Fatal(err)
	}
	svc.hashes.params.Memory, svc.hashes.params.Iterations = 64, 1 // the tests' time, not their subject
	w.Service = svc
	return w
}

func (w *world) setWall(at time.Time)        { w.wall.Store(&at) }
func (w *world) later(d time.Duration)       { w.setWall(w.wall.Load().Add(d)) }
func (w *world) at(t tenants.Tenant) *world  { return &world{Service: w.Service, t: w.t, shop: t} }
func (w *world) ctx() context.Context        { return w.t.Context() }
func (w *world) uniqueEmail() (email string) { return "p" + uuid.NewString() + "@example.test" }

func (w *world) customer(email string) User {
	w.t.Helper()
	user, _, err := w.Create(w.ctx(), w.shop, NewUser{Email: email, Name: "Ada", Password: goodPassword})
	if err != nil {
		w.t.Fatal(err)
	}
	return user
}

// events gives the shop's events of a name, with the person each is about.
func (w *world) events(name string) []string {
	w.t.Helper()
	var ids []string
	err := w.db.In(w.ctx(), w.shop, func(tx tenants.Tx) (err error) {
		ids, err = tenants.List[string](w.ctx(), tx, `-- events
			select payload->>'user_id' from central.outbox where subject like '%' || $1 order by id`, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func (w *world) token(user uuid.UUID, purpose string) string {
	w.t.Helper()
	var raw string
	err := w.db.In(w.ctx(), w.shop, func(tx tenants.Tx) (err error) {
		raw, err = w.NewToken(w.ctx(), tx, user, purpose)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

// same compares people by value, their times too.
func same(a, b User) bool {
	verified := a.Verified() == b.Verified() && (!a.Verified() || a.EmailVerifiedAt.Equal(*b.EmailVerifiedAt))
	a.EmailVerifiedAt, b.EmailVerifiedAt = nil, nil
	return verified && a == b
}

func wantKind(t testing.TB, err error, kind fail.Kind) {
	t.Helper()
	if !fail.Is(err, kind) {
		t.Errorf("got %v (kind %d), want kind %d", err, fail.KindOf(err), kind)
	}
}

func wantField(t testing.TB, err error, field string) {
	t.Helper()
	var e *fail.Error
	if !errors.As(err, &e) || e.Fields[field] == "" {
		t.Errorf("got %v, want something about the field %s", err, field)
	}
}

// together runs fn n times at the same moment and counts the answers without error.
func together(n int, fn func(i int) error) (good int, errs []error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := fn(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				good++
			} else {
				errs = append(errs, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return good, errs
}

func TestEmailRules(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" Ada.Lovelace@Example.COM ":                     "ada.lovelace@example.com",
		"a+b@x.co":                                       "a+b@x.co",
		"ada":                                            "",
		"ada@localhost":                                  "",
		"ada@[127.0.0.1]":                                "",
		"Ada <ada@example.com>":                          "",
		"ada@example.com, bob@example.com":               "",
		"ada@example.com\r\nBcc: x@y.zz":                 "",
		"ada@-example.com":                               "",
		"ada@exa_mple.com":                               "",
		"ada@example..com":                               "",
		"ädä@example.com":                                "",
		"ada@exämple.com":                                "",
		`"a b"@example.com`:                              "",
		"a\x00@example.com":                              "",
		strings.Repeat("a", 65) + "@example.com":         "",
		"a@" + strings.Repeat("abcdefgh.", 30) + "com":   "",
		strings.Repeat("a", 64) + "@example.com":         strings.Repeat("a", 64) + "@example.com",
		"a@" + strings.Repeat("a", 63) + ".example.test": "a@" + strings.Repeat("a", 63) + ".example.test",
		"a@" + strings.Repeat("a", 64) + ".example.test": "",
	} {
		if got, problem := NormalEmail(in); got != want || (problem == "") != (want != "") {
			t.Errorf("%q: got %q (%s), want %q", in, got, problem, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		in := rapid.String().Draw(r, "in")
		once, problem := NormalEmail(in)
		if problem != "" {
			return
		}
		if twice, problem := NormalEmail(once); twice != once || problem != "" {
			r.Fatalf("%q became %q, then %q", in, once, twice)
		}
	})
}

func TestNameAndPasswordRules(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{"Ada": true, "  Zoë Müller ": true, "": false, " ": false, "a\nb": false, "a\xff": false, strings.Repeat("ö", 80): true, strings.Repeat("ö", 81): false} {
		if _, problem := NormalName(in); (problem == "") != ok {
			t.Errorf("name %q: got %q", in, problem)
		}
	}
	for in, ok := range map[string]bool{"123456789": false, "1234567890": true, "öööööööööö": true, strings.Repeat("x", 200): true, strings.Repeat("x", 201): false, "Ada@Example.com": false} {
		if problem := passwordProblem(in, "ada@example.com"); (problem == "") != ok {
			t.Errorf("password %q: got %q", in, problem)
		}
	}
}

func TestPasswordsAreHashedAsOWASPAdvises(t *testing.T) {
	t.Parallel()
	h, err := newHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.hash(t.Context(), goodPassword)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("got %s, %v", hash, err)
	}
	real, _, _, _ := argon2id.DecodeHash(hash)
	dummy, _, _, err := argon2id.DecodeHash(h.dummy)
	if err != nil || *real != *dummy {
		t.Errorf("a person who is not there must cost the same: %+v, %+v, %v", real, dummy, err)
	}
	for password, want := range map[string]bool{goodPassword: true, goodPassword + " ": false, "": false} {
		if got, err := h.matches(t.Context(), password, hash); got != want || err != nil {
			t.Errorf("%q: got %v, %v", password, got, err)
		}
	}
	if got, err := h.matches(t.Context(), "", ""); got || err != nil {
		t.Errorf("nobody: got %v, %v", got, err)
	}

	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, goodPassword); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a wait that ends with its caller", err)
	}
}

func TestMachinesAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "junk": "junk",
	} {
		if got := network(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
