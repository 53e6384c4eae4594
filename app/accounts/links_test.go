package accounts

import (
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestVerifyWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.Register(w.ctx(), w.shop, Registration{"Ada", "ada@example.test", goodPassword}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	raw := w.token(user.ID, PurposeVerify)
	good, errs := together(8, func(int) error {
		_, err := w.Verify(w.ctx(), w.shop, raw)
		return err
	})
	if good != 1 {
		t.Errorf("got %d successes, want 1", good)
	}
	for _, err := range errs {
		wantKind(t, err, fail.NotFound)
	}
	got, err := w.ByID(w.ctx(), w.shop, user.ID)
	if err != nil || !got.Verified() {
		t.Errorf("got %+v, %v", got, err)
	}
	if events := w.events("user.verified"); len(events) != 1 {
		t.Errorf("got %v, want one event", events)
	}
	wantKind(t, w.ResendVerification(w.ctx(), w.shop, user.ID, "192.0.2.1"), fail.Conflict)
}

func TestResetWorksOnceAndEndsWhatWasBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.Register(w.ctx(), w.shop, Registration{"Ada", "ada@example.test", goodPassword}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	earlier := w.token(user.ID, PurposeReset)
	raw := w.token(user.ID, PurposeReset)
	wantKind(t, w.CheckReset(w.ctx(), w.shop, earlier), fail.NotFound)
	if err := w.CheckReset(w.ctx(), w.shop, raw); err != nil {
		t.Fatal(err)
	}
	_, err = w.Reset(w.ctx(), w.shop, raw, "short")
	wantField(t, err, "password")
	for range 9 {
		w.SignIn(w.ctx(), w.shop, user.Email, "wrong password", "192.0.2.2")
	}

	passwords := []string{"the first password", "the second password", "the third password", "the fourth password"}
	won := make(chan string, len(passwords))
	good, _ := together(len(passwords), func(i int) error {
		_, err := w.Reset(w.ctx(), w.shop, raw, passwords[i])
		if err == nil {
			won <- passwords[i]
		}
		return err
	})
	if good != 1 {
		t.Fatalf("got %d successes, want 1", good)
	}
	got, err := w.SignIn(w.ctx(), w.shop, user.Email, <-won, "192.0.2.2")
	if err != nil || got.SessionEpoch != user.SessionEpoch+1 || !got.Verified() {
		t.Errorf("got %+v, %v; want a new epoch, a confirmed address and forgiven tries", got, err)
	}
	wantKind(t, w.CheckReset(w.ctx(), w.shop, raw), fail.NotFound)
}

func TestLinksExpire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	verify, reset := w.token(user.ID, PurposeVerify), w.token(user.ID, PurposeReset)
	w.later(ResetLasts)
	_, err := w.Reset(w.ctx(), w.shop, reset, goodPassword)
	wantKind(t, err, fail.NotFound)
	w.later(VerifyLasts - ResetLasts)
	_, err = w.Verify(w.ctx(), w.shop, verify)
	wantKind(t, err, fail.NotFound)
}

func TestALinkWorksForItsPurposeInItsShopOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.at(tenantOf(t))
	user := w.customer("ada@example.test")
	other.customer("ada@example.test")
	verify, reset := w.token(user.ID, PurposeVerify), w.token(user.ID, PurposeReset)
	_, unknown := w.Verify(w.ctx(), w.shop, "unknown")
	for name, err := range map[string]error{
		"verify in the other shop": second(w.Verify(w.ctx(), other.shop, verify)),
		"reset in the other shop":  second(w.Reset(w.ctx(), other.shop, reset, goodPassword)),
		"check in the other shop":  w.CheckReset(w.ctx(), other.shop, reset),
		"verify with a reset":      second(w.Verify(w.ctx(), w.shop, reset)),
		"reset with a verify":      second(w.Reset(w.ctx(), w.shop, verify, goodPassword)),
		"empty":                    second(w.Verify(w.ctx(), w.shop, "")),
	} {
		if err == nil || err.Error() != unknown.Error() || fail.KindOf(err) != fail.KindOf(unknown) {
			t.Errorf("%s: got %v, want the answer to an unknown link, %v", name, err, unknown)
		}
	}
	if _, err := w.Verify(w.ctx(), w.shop, verify); err != nil {
		t.Errorf("the link is spent although it was refused elsewhere: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNoSecretOfALinkIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	raw := w.token(user.ID, PurposeReset)
	err := w.db.In(w.ctx(), w.shop, func(tx tenants.Tx) error {
		n, err := tenants.Get[int](w.ctx(), tx, "count", `-- tokens that hold the secret
			select count(*)::int from user_tokens where hash = $1 or hash::text like '%' || $2 || '%'`, []byte(raw), raw)
		if n != 0 {
			t.Error("the secret itself is in the table")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNewLinksAtOnceLeaveOneResetLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	links := make(chan string, 6)
	together(6, func(int) error {
		links <- w.token(user.ID, PurposeReset)
		return nil
	})
	close(links)
	var working int
	for raw := range links {
		if w.CheckReset(w.ctx(), w.shop, raw) == nil {
			working++
		}
	}
	if working != 1 {
		t.Errorf("got %d working links, want 1", working)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	reset := w.token(user.ID, PurposeReset)
	_, err := w.ChangePassword(w.ctx(), w.shop, user.ID, "wrong password", "a new password", "192.0.2.1")
	wantField(t, err, "current_password")
	_, err = w.ChangePassword(w.ctx(), w.shop, user.ID, goodPassword, "short", "192.0.2.1")
	wantField(t, err, "password")
	got, err := w.ChangePassword(w.ctx(), w.shop, user.ID, goodPassword, "a new password", "192.0.2.1")
	if err != nil || got.SessionEpoch != user.SessionEpoch+1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	wantKind(t, w.CheckReset(w.ctx(), w.shop, reset), fail.NotFound)
	if _, err := w.SignIn(w.ctx(), w.shop, user.Email, "a new password", "192.0.2.1"); err != nil {
		t.Error(err)
	}
	w.later(time.Hour)
	for range 8 {
		_, err = w.ChangePassword(w.ctx(), w.shop, user.ID, "wrong password", "yet another one", "192.0.2.1")
		wantField(t, err, "current_password")
	}
	_, err = w.ChangePassword(w.ctx(), w.shop, user.ID, "a new password", "yet another one", "192.0.2.1")
	wantKind(t, err, fail.TooMany)
}
