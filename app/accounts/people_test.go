package accounts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.at(tenantOf(t))
	user, eve := w.customer("ada@example.test"), w.customer("eve@example.test")
	key, secret, err := w.CreateKey(w.ctx(), w.shop, user.ID, " build server ")
	if err != nil || key.Name != "build server" || !strings.HasPrefix(key.Key, "ezk_") || !strings.HasPrefix(secret, "ezs_") || len(secret) != 56 {
		t.Fatalf("got %+v, %q, %v", key, secret, err)
	}
	_, _, err = w.CreateKey(w.ctx(), w.shop, user.ID, "")
	wantField(t, err, "name")
	if got, err := w.Authenticate(w.ctx(), w.shop, key.Key, secret); err != nil || !same(got.User, user) {
		t.Errorf("got %+v, %v, want %+v", got, err, user)
	}
	_, unknown := w.Authenticate(w.ctx(), w.shop, "ezk_unknown", secret)
	for name, err := range map[string]error{
		"wrong secret":      second(w.Authenticate(w.ctx(), w.shop, key.Key, "ezs_wrong")),
		"no secret":         second(w.Authenticate(w.ctx(), w.shop, key.Key, "")),
		"other shop":        second(w.Authenticate(w.ctx(), other.shop, key.Key, secret)),
		"key that is none":  second(w.Authenticate(w.ctx(), w.shop, "ezk_\x00\xff", secret)),
		"key without a key": second(w.Authenticate(w.ctx(), w.shop, "", "")),
	} {
		wantKind(t, err, fail.Unauthorised)
		if err == nil || err.Error() != unknown.Error() {
			t.Errorf("%s: got %v, want %v", name, err, unknown)
		}
	}

	wantKind(t, w.RevokeKey(w.ctx(), w.shop, eve.ID, key.ID), fail.NotFound)
	if err := w.RevokeKey(w.ctx(), w.shop, user.ID, key.ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, w.RevokeKey(w.ctx(), w.shop, user.ID, key.ID), fail.NotFound)
	_, err = w.Authenticate(w.ctx(), w.shop, key.Key, secret)
	wantKind(t, err, fail.Unauthorised)
	if keys, err := w.Keys(w.ctx(), w.shop, user.ID); err != nil || len(keys) != 0 {
		t.Errorf("got %v, %v, want no key left", keys, err)
	}
}

func TestASuspendedPersonsKeysAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	key, secret, err := w.CreateKey(w.ctx(), w.shop, user.ID, "k")
	if err != nil {
		t.Fatal(err)
	}
	for status, kind := range map[Status]fail.Kind{Suspended: fail.Forbidden, Closed: fail.Unauthorised} {
		if _, err := w.SetStatus(w.ctx(), w.shop, "staff", user.ID, status); err != nil {
			t.Fatal(err)
		}
		_, err = w.Authenticate(w.ctx(), w.shop, key.Key, secret)
		wantKind(t, err, kind)
	}
}

func TestKeysAreFewEvenAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	good, errs := together(MaxKeys+10, func(i int) error {
		_, _, err := w.CreateKey(w.ctx(), w.shop, user.ID, fmt.Sprint("key ", i))
		return err
	})
	if good != MaxKeys {
		t.Errorf("got %d keys, want %d", good, MaxKeys)
	}
	for _, err := range errs {
		wantKind(t, err, fail.Conflict)
	}
}

func TestUseOfAKeyIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	business := clock.NewMovable(at, 0)
	db, shop := tenanttest.New(t, tenanttest.WithClock(business.Now))
	svc, err := New(db, business, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Service: svc, t: t, shop: shop}
	user := w.customer("ada@example.test")
	key, secret, err := w.CreateKey(w.ctx(), shop, user.ID, "k")
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range []time.Duration{0, 0, 60 * time.Second} {
		business.Set(at.Add(time.Duration(after)*30*time.Second), 0)
		if _, err := w.Authenticate(w.ctx(), shop, key.Key, secret); err != nil {
			t.Fatal(err)
		}
		keys, err := w.Keys(w.ctx(), shop, user.ID)
		if err != nil || len(keys) != 1 || keys[0].LastUsedAt == nil || !keys[0].LastUsedAt.Equal(at.Add(want)) {
			t.Errorf("after %d half minutes: got %+v, %v, want last used at +%v", after, keys, err, want)
		}
	}
}

func TestAKeyIsCheckedInTheSameReadAsItsQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	key, secret, err := w.CreateKey(w.ctx(), w.shop, user.ID, "k")
	if err != nil {
		t.Fatal(err)
	}
	var c Credential
	var found bool
	var keys []APIKey
	if err := w.db.Read(w.ctx(), w.shop, KeyQ(&c, &found, key.Key), KeysQ(&keys, user.ID)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Check(found, secret); err != nil || !same(got, user) || len(keys) != 1 {
		t.Errorf("got %+v, %v, %v", got, err, keys)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, password, err := w.Create(w.ctx(), w.shop, NewUser{Email: "ada@example.test", Actor: "cli"})
	if err != nil || user.Name != "ada" || !user.Verified() || user.Role != Customer {
		t.Fatalf("got %+v, %v", user, err)
	}
	if _, err := w.SignIn(w.ctx(), w.shop, user.Email, password, "192.0.2.1"); err != nil {
		t.Errorf("with the password that was made up: %v", err)
	}
	_, _, err = w.Create(w.ctx(), w.shop, NewUser{Email: "Ada@example.test"})
	wantField(t, err, "email")

	invited, password, err := w.Create(w.ctx(), w.shop, NewUser{Email: w.uniqueEmail(), Role: Staff, Invite: true})
	if err != nil || password != "" || invited.Verified() {
		t.Errorf("got %+v, %q, %v", invited, password, err)
	}
	if got := w.events("user.invited"); len(got) != 1 || got[0] != invited.ID.String() {
		t.Errorf("got events %v", got)
	}
	_, err = w.SignIn(w.ctx(), w.shop, invited.Email, "", "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
}

func TestFindingPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.at(tenantOf(t))
	stranger := other.customer("stranger@example.test")
	want := map[string]bool{}
	for i := range 25 {
		name := fmt.Sprintf("Person %02d", i)
		if i%5 == 0 {
			name = fmt.Sprintf("Zoë 100%%_%02d", i)
		}
		user, _, err := w.Create(w.ctx(), w.shop, NewUser{Email: fmt.Sprintf("p%02d@example.test", i), Name: name, Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		want[user.Email] = true
	}
	var got []User
	var pages int
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := w.List(w.ctx(), w.shop, Search{Limit: 10, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		got, cursor, pages = append(got, page.Users...), page.Next, pages+1
	}
	if len(got) != 25 || pages != 3 {
		t.Fatalf("got %d people on %d pages, want 25 on 3", len(got), pages)
	}
	for i, user := range got {
		if !want[user.Email] || i > 0 && user.CreatedAt.After(got[i-1].CreatedAt) {
			t.Errorf("%d: %s is twice or out of order", i, user.Email)
		}
		delete(want, user.Email)
	}

	for text, n := range map[string]int{"P07@EXAMPLE": 1, "zoë": 5, "100%_": 5, "100%%": 0, "p__@": 0, "\x00zo": 5, `\`: 0, "stranger": 0} {
		if page, err := w.List(w.ctx(), w.shop, Search{Text: text}); err != nil || len(page.Users) != n {
			t.Errorf("%q: got %d, %v, want %d", text, len(page.Users), err, n)
		}
	}
	if page, err := w.List(w.ctx(), w.shop, Search{Roles: []Role{Owner, Staff}}); err != nil || len(page.Users) != 0 {
		t.Errorf("got %v, %v, want nobody of the staff", page, err)
	}
	for _, cursor := range []string{"junk!", "MQ", "LTEuMQ"} {
		_, err := w.List(w.ctx(), w.shop, Search{Cursor: cursor})
		wantKind(t, err, fail.BadRequest)
	}

	if user, err := w.ByEmail(w.ctx(), w.shop, "P03@example.test"); err != nil || user.Email != "p03@example.test" {
		t.Errorf("got %+v, %v", user, err)
	}
	_, err := w.ByEmail(w.ctx(), w.shop, stranger.Email)
	wantKind(t, err, fail.NotFound)
	_, err = w.ByID(w.ctx(), w.shop, stranger.ID)
	wantKind(t, err, fail.NotFound)
	_, err = w.ChangeName(w.ctx(), w.shop, stranger.ID, "Mallory")
	wantKind(t, err, fail.NotFound)
	if user, err := w.ChangeName(w.ctx(), w.shop, got[0].ID, " Grace "); err != nil || user.Name != "Grace" {
		t.Errorf("got %+v, %v", user, err)
	}
	var user User
	var found bool
	if err := w.db.Read(w.ctx(), w.shop, UserFindQ(&user, &found, uuid.New())); err != nil || found {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestOldTriesAreCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.later(-30 * 24 * time.Hour) // long before the windows of the other tests
	email := w.uniqueEmail()
	w.SignIn(w.ctx(), w.shop, email, "wrong password", "192.0.2.77")
	mine := w.limits.signIn.buckets(w.shop.ID.String(), email, "192.0.2.77")[1].name
	w.later(48 * time.Hour)
	gone := func() bool {
		var found bool
		var name string
		if err := w.db.CentralRead(w.ctx(), tenants.FindQ(&name, &found, `-- bucket
			select bucket from central.attempts where bucket = $1`, mine)); err != nil {
			t.Fatal(err)
		}
		return !found
	}
	for range 200 {
		if gone() {
			return
		}
		w.SignIn(w.ctx(), w.shop, w.uniqueEmail(), "wrong password", uuid.NewString())
	}
	t.Error("a window long over is still there")
}
