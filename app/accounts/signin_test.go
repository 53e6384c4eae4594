package accounts

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestRegisterAndSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.Register(w.ctx(), w.shop, Registration{" Ada ", "Ada@Example.test", goodPassword}, "192.0.2.1")
	if err != nil || user.Email != "ada@example.test" || user.Name != "Ada" || user.Role != Customer || user.Status != Active || user.Verified() {
		t.Fatalf("got %+v, %v", user, err)
	}
	if got := w.events("user.registered"); len(got) != 1 || got[0] != user.ID.String() {
		t.Errorf("got events %v", got)
	}
	again, err := w.Register(w.ctx(), w.shop, Registration{"Eve", "ada@example.test", "another password"}, "192.0.2.1")
	if err != nil || again != (User{}) {
		t.Errorf("a known address: got %+v, %v; want the answer of an unknown one, without a person", again, err)
	}
	if got := w.events("user.register_repeated"); len(got) != 1 || got[0] != user.ID.String() {
		t.Errorf("got events %v", got)
	}
	for _, bad := range []Registration{{"", "a@b.cc", goodPassword}, {"A", "nobody", goodPassword}, {"A", "a@b.cc", "short"}} {
		_, err := w.Register(w.ctx(), w.shop, bad, "192.0.2.1")
		wantKind(t, err, fail.Invalid)
	}

	got, err := w.SignIn(w.ctx(), w.shop, " ADA@example.test", goodPassword, "192.0.2.1")
	if err != nil || !same(got, user) {
		t.Errorf("got %+v, %v, want %+v", got, err, user)
	}
	var wrong []string
	for _, try := range [][2]string{{"ada@example.test", "another password"}, {"bob@example.test", goodPassword}, {"ada@example.test", ""}, {"not an address", goodPassword}, {"a\x00b@example.test", "x"}} {
		_, err := w.SignIn(w.ctx(), w.shop, try[0], try[1], "192.0.2.1")
		wantKind(t, err, fail.Unauthorised)
		wrong = append(wrong, err.Error())
	}
	for _, sentence := range wrong {
		if sentence != wrong[0] {
			t.Errorf("got %q and %q, want one sentence for all", sentence, wrong[0])
		}
	}
	_, err = w.SignIn(w.ctx(), tenantOf(t), "ada@example.test", goodPassword, "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
}

func tenantOf(t testing.TB) tenants.Tenant {
	_, shop := tenanttest.New(t)
	return shop
}

func TestTwoRegistrationsOfOneAddressAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits.register.mail.most = 100
	var made atomic.Int32
	good, errs := together(8, func(int) error {
		user, err := w.Register(w.ctx(), w.shop, Registration{"Ada", "ada@example.test", goodPassword}, "192.0.2.1")
		if user.ID != uuid.Nil {
			made.Add(1)
		}
		return err
	})
	if good != 8 || made.Load() != 1 {
		t.Errorf("got %d answers, %d accounts, %v; want 8 and 1", good, made.Load(), errs)
	}
	if a, b := len(w.events("user.registered")), len(w.events("user.register_repeated")); a != 1 || b != 7 {
		t.Errorf("got %d and %d mails, want 1 and 7", a, b)
	}
}

func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.test")
	var wrong, tooMany atomic.Int32
	together(50, func(int) error {
		_, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", "wrong password", uuid.NewString())
		switch fail.KindOf(err) {
		case fail.Unauthorised:
			wrong.Add(1)
		case fail.TooMany:
			tooMany.Add(1)
		}
		return err
	})
	if wrong.Load() != 8 || tooMany.Load() != 42 {
		t.Errorf("got %d tries and %d refusals, want 8 and 42", wrong.Load(), tooMany.Load())
	}
	_, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.9")
	wantKind(t, err, fail.TooMany)
	if !strings.Contains(err.Error(), "15 minutes") {
		t.Errorf("got %q, want the time to wait", err)
	}
	w.later(14*time.Minute + 30*time.Second)
	if _, err = w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.9"); err == nil || !strings.Contains(err.Error(), "1 minute.") {
		t.Errorf("got %v, want one minute to wait", err)
	}
	w.later(time.Minute)
	if _, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.9"); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

func TestASuccessForgivesFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.customer("ada@example.test")
	for range 3 {
		for range 7 {
			_, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", "wrong password", "192.0.2.20")
			wantKind(t, err, fail.Unauthorised)
		}
		if _, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.20"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 { // successes do not add up to the machine's limit of 40
		if _, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.20"); err != nil {
			t.Fatalf("success %d: %v", i, err)
		}
	}
	var refused int
	for range 30 { // 21 failures so far
		_, err := w.SignIn(w.ctx(), w.shop, w.uniqueEmail(), "wrong password", "192.0.2.20")
		if fail.Is(err, fail.TooMany) {
			refused++
		}
	}
	if refused != 11 {
		t.Errorf("got %d refusals, want 11: one machine has 40 failures", refused)
	}
	if _, err := w.SignIn(w.ctx(), w.shop, "ada@example.test", goodPassword, "192.0.2.21"); err != nil {
		t.Errorf("another machine: %v", err)
	}
}

func TestLimitsOfMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.Register(w.ctx(), w.shop, Registration{"Ada", "ada@example.test", goodPassword}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, fn := range map[string]func() error{
		"forgot": func() error { return w.Forgot(w.ctx(), w.shop, "ada@example.test", "192.0.2.1") },
		"resend": func() error { return w.ResendVerification(w.ctx(), w.shop, user.ID, "192.0.2.1") },
		"nobody": func() error { return w.Forgot(w.ctx(), w.shop, "nobody@example.test", "192.0.2.1") },
	} {
		good, errs := together(12, func(int) error { return fn() })
		if good != 5 {
			t.Errorf("%s: got %d, %v; want 5", name, good, errs)
		}
		for _, err := range errs {
			wantKind(t, err, fail.TooMany)
		}
	}
	if a, b := len(w.events("user.reset_requested")), len(w.events("user.verification_requested")); a != 5 || b != 5 {
		t.Errorf("got %d and %d events, want 5 and 5, and none for nobody", a, b)
	}
}

func TestASuspendedPersonIsToldOnlyWithThePassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.customer("ada@example.test")
	suspended, err := w.SetStatus(w.ctx(), w.shop, "user:staff", user.ID, Suspended)
	if err != nil || suspended.Status != Suspended || suspended.SessionEpoch != user.SessionEpoch+1 {
		t.Fatalf("got %+v, %v", suspended, err)
	}
	_, err = w.SignIn(w.ctx(), w.shop, user.Email, goodPassword, "192.0.2.1")
	wantKind(t, err, fail.Forbidden)
	_, err = w.SignIn(w.ctx(), w.shop, user.Email, "wrong password", "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
	if _, err = w.SetStatus(w.ctx(), w.shop, "user:staff", user.ID, Closed); err != nil {
		t.Fatal(err)
	}
	_, err = w.SignIn(w.ctx(), w.shop, user.Email, goodPassword, "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
	if err := w.Forgot(w.ctx(), w.shop, user.Email, "192.0.2.1"); err != nil || len(w.events("user.reset_requested")) != 0 {
		t.Errorf("a closed account gets no mail: %v", err)
	}
}

func TestResellersSignInOnTheCentralHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.at(tenantOf(t))
	staff, customer := w.uniqueEmail(), w.uniqueEmail()
	w.customer(customer)
	made, _, err := w.Create(w.ctx(), w.shop, NewUser{Email: staff, Role: Staff, Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Create(w.ctx(), other.shop, NewUser{Email: staff, Role: Owner, Password: "the other shop's"}); err != nil {
		t.Fatal(err)
	}
	shop, user, err := w.SignInReseller(w.ctx(), staff, goodPassword, "192.0.2.1")
	if err != nil || shop.ID != w.shop.ID || !same(user, made) {
		t.Errorf("got %s, %+v, %v", shop.Slug, user, err)
	}
	if shop, _, err := w.SignInReseller(w.ctx(), staff, "the other shop's", "192.0.2.1"); err != nil || shop.ID != other.shop.ID {
		t.Errorf("the password tells the shop: got %s, %v", shop.Slug, err)
	}
	for _, try := range [][2]string{{customer, goodPassword}, {staff, "wrong password"}, {w.uniqueEmail(), goodPassword}, {"junk", ""}} {
		_, _, err := w.SignInReseller(w.ctx(), try[0], try[1], "192.0.2.1")
		wantKind(t, err, fail.Unauthorised)
	}
	if _, err := w.SetStatus(w.ctx(), w.shop, "owner", made.ID, Closed); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.SignInReseller(w.ctx(), staff, goodPassword, "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
}

func TestAFounderOwnsTheShopAndCanSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.later(-30 * 24 * time.Hour) // long before the windows of the other tests
	slug, email := "f"+strings.ReplaceAll(uuid.NewString(), "-", "")[:12], w.uniqueEmail()
	shop, created, err := w.db.Create(w.ctx(), tenants.NewTenant{Name: "Founded", Email: email, Slug: slug}, w.Founder(email, "Olga"))
	if err != nil || !created {
		t.Fatalf("got %v, %v", created, err)
	}
	f := w.at(shop)
	owner, err := f.ByEmail(w.ctx(), shop, email)
	if err != nil || owner.Role != Owner || owner.Verified() || owner.Name != "Olga" {
		t.Fatalf("got %+v, %v", owner, err)
	}
	if got := f.events("tenant.created"); len(got) != 1 || got[0] != owner.ID.String() {
		t.Errorf("got events %v", got)
	}
	_, _, err = w.SignInReseller(w.ctx(), email, "", "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
	raw := f.token(owner.ID, PurposeWelcome)
	w.later(6 * 24 * time.Hour)
	if _, err := w.Reset(w.ctx(), shop, raw, goodPassword); err != nil {
		t.Fatal(err)
	}
	if got, user, err := w.SignInReseller(w.ctx(), email, goodPassword, "192.0.2.1"); err != nil || got.ID != shop.ID || !user.Verified() {
		t.Errorf("got %s, %+v, %v", got.Slug, user, err)
	}
	_, err = w.SetStatus(w.ctx(), shop, "operator", owner.ID, Suspended)
	wantKind(t, err, fail.Conflict)
}

func TestOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	email := w.uniqueEmail()
	made, password, err := w.CreateOperator(w.ctx(), email, "", "")
	if err != nil || len(password) < MinPassword {
		t.Fatalf("got %+v, %q, %v", made, password, err)
	}
	_, _, err = w.CreateOperator(w.ctx(), email, "", "")
	wantField(t, err, "email")
	if got, err := w.SignInOperator(w.ctx(), email, password, "192.0.2.1"); err != nil || got != made {
		t.Errorf("got %+v, %v, want %+v", got, err, made)
	}
	changed, _, err := w.SetOperatorPassword(w.ctx(), email, goodPassword)
	if err != nil || changed.SessionEpoch != made.SessionEpoch+1 {
		t.Errorf("got %+v, %v", changed, err)
	}
	_, err = w.SignInOperator(w.ctx(), email, password, "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
	_, err = w.SignInOperator(w.ctx(), w.uniqueEmail(), password, "192.0.2.1")
	wantKind(t, err, fail.Unauthorised)
	if got, err := w.Operator(w.ctx(), made.ID); err != nil || got != changed {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = w.Operator(w.ctx(), uuid.New())
	wantKind(t, err, fail.NotFound)
	if list, err := w.Operators(w.ctx()); err != nil || len(list) == 0 {
		t.Errorf("got %v, %v", list, err)
	}
}
