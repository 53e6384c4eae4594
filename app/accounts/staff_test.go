package accounts

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// logins are the people of the shop who can sign in on the central host.
func (w *world) logins() (emails []string) {
	w.t.Helper()
	if err := w.db.CentralRead(w.ctx(), tenants.ListQ(&emails, `select email from central.reseller_logins where tenant_id = $1 order by email`, w.shop.ID)); err != nil {
		w.t.Fatal(err)
	}
	return emails
}

func (w *world) invites(email string, role Role) User {
	w.t.Helper()
	u, err := w.Invite(w.ctx(), w.shop, Invitation{Email: email, Role: role, Actor: "test", IP: "10.1.1.1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func (w *world) adds(email string, role Role) User {
	w.t.Helper()
	u, _, err := w.Create(w.ctx(), w.shop, NewUser{Email: email, Role: role, Password: "correct horse battery", Actor: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

func TestPeopleAreInvitedToRunTheShop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.adds("boss@example.test", Owner)
	stan := w.invites(" Stan@example.test", Staff)
	if stan.Role != Staff || stan.Name != "Stan" || stan.Verified() || len(w.logins()) != 2 {
		t.Errorf("got %+v, logins %v", stan, w.logins())
	}
	_, err := w.Invite(w.ctx(), w.shop, Invitation{Email: "stan@example.test", Role: Owner, IP: "10.1.1.1"})
	wantField(t, err, "email")
	_, err = w.Invite(w.ctx(), w.shop, Invitation{Email: "x@example.test", Role: Customer, IP: "10.1.1.1"})
	wantField(t, err, "role")
	_, err = w.Invite(w.ctx(), w.shop, Invitation{Email: "nobody", Role: Staff, IP: "10.1.1.1"})
	wantField(t, err, "email")

	// A customer whose address is proved keeps the password.
	ada := w.adds("ada@example.test", Customer)
	if got := w.invites("ada@example.test", Staff); got.ID != ada.ID || got.Role != Staff || !got.Verified() {
		t.Errorf("got %+v", got)
	}
	if _, _, err := w.SignInReseller(w.ctx(), "ada@example.test", "correct horse battery", "10.1.1.1"); err != nil {
		t.Errorf("a customer who was made staff cannot sign in: %v", err)
	}
}

// Somebody signs up with another's address and waits for that person to be invited.
func TestAnInvitationTakesAnAddressFromWhoNeverProvedIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	thief, err := w.Register(w.ctx(), w.shop, Registration{Name: "Mallory", Email: "stan@example.test", Password: "correct horse battery"}, "10.9.9.9")
	if err != nil {
		t.Fatal(err)
	}
	key, secret, err := w.CreateKey(w.ctx(), w.shop, thief.ID, "sleeper")
	if err != nil {
		t.Fatal(err)
	}
	stan := w.invites("stan@example.test", Staff)
	if stan.ID != thief.ID || stan.SessionEpoch == thief.SessionEpoch || stan.Verified() || stan.Name != "stan" {
		t.Errorf("got %+v, had %+v", stan, thief)
	}
	_, err = w.SignIn(w.ctx(), w.shop, "stan@example.test", "correct horse battery", "10.9.9.9")
	wantKind(t, err, fail.Unauthorised)
	_, err = w.Authenticate(w.ctx(), w.shop, key.Key, secret)
	wantKind(t, err, fail.Unauthorised)
	if err := w.Forgot(w.ctx(), w.shop, "stan@example.test", "10.9.9.9"); err != nil {
		t.Error(err)
	}
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.adds("boss@example.test", Owner)
	_, err := w.SetRole(w.ctx(), w.shop, "test", boss.ID, Staff)
	wantKind(t, err, fail.Conflict)
	_, err = w.RemoveStaff(w.ctx(), w.shop, "test", boss.ID)
	wantKind(t, err, fail.Conflict)
	w.invites("heir@example.test", Owner) // who has not come yet
	_, err = w.RemoveStaff(w.ctx(), w.shop, "test", boss.ID)
	wantKind(t, err, fail.Conflict)
	second := w.adds("second@example.test", Owner)

	// Two owners leave at once: one of them stays.
	done := make(chan error, 2)
	for _, id := range []uuid.UUID{boss.ID, second.ID} {
		go func() {
			_, err := w.SetRole(context.Background(), w.shop, "test", id, Staff)
			done <- err
		}()
	}
	one, two := <-done, <-done
	if (one == nil) == (two == nil) {
		t.Errorf("of two owners who leave at once one stays: %v, %v", one, two)
	}
	var team []User
	if err := w.db.Read(w.ctx(), w.shop, TeamQ(&team)); err != nil || len(team) != 3 {
		t.Errorf("got %v, %v", team, err)
	}
}

func TestWhoIsRemovedComesInNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.adds("boss@example.test", Owner)
	stan := w.adds("stan@example.test", Staff)
	if _, _, err := w.SignInReseller(w.ctx(), "stan@example.test", "correct horse battery", "10.1.1.2"); err != nil {
		t.Fatal(err)
	}
	gone, err := w.RemoveStaff(w.ctx(), w.shop, "test", stan.ID)
	if err != nil || gone.Role != Customer || gone.Status != Active || gone.SessionEpoch == stan.SessionEpoch {
		t.Errorf("got %+v, %v", gone, err)
	}
	_, _, err = w.SignInReseller(w.ctx(), "stan@example.test", "correct horse battery", "10.1.1.2")
	wantKind(t, err, fail.Unauthorised)
	_, err = w.RemoveStaff(w.ctx(), w.shop, "test", stan.ID)
	wantKind(t, err, fail.NotFound)
	_, err = w.SetRole(w.ctx(), w.shop, "test", stan.ID, Owner) // a customer is not promoted by id
	wantKind(t, err, fail.NotFound)
	ivy := w.invites("ivy@example.test", Staff)
	if gone, err := w.RemoveStaff(w.ctx(), w.shop, "test", ivy.ID); err != nil || gone.Status != Closed {
		t.Errorf("an invitation that is taken back leaves %+v, %v", gone, err)
	}
	if back := w.invites("ivy@example.test", Staff); back.ID != ivy.ID || back.Status != Active || back.Role != Staff {
		t.Errorf("got %+v", back)
	}
	if got := w.logins(); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestInvitationsAreSentAgainWithinLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.adds("boss@example.test", Owner)
	ivy := w.invites("ivy@example.test", Staff)
	_, err := w.InviteAgain(w.ctx(), w.shop, "test", boss.ID, "10.1.1.3")
	wantKind(t, err, fail.Conflict)
	for range 4 {
		if _, err := w.InviteAgain(w.ctx(), w.shop, "test", ivy.ID, "10.1.1.3"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.InviteAgain(w.ctx(), w.shop, "test", ivy.ID, "10.1.1.3")
	wantKind(t, err, fail.TooMany)
}

func TestTheProviderWritesToAnOwnerWhoIsStillThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.adds(w.shop.OwnerEmail, Owner)
	second := w.adds("second@example.test", Owner)
	if _, err := w.RemoveStaff(w.ctx(), w.shop, "test", first.ID); err != nil {
		t.Fatal(err)
	}
	if fresh, _ := w.db.Registry().ByID(w.shop.ID); fresh.OwnerEmail != second.Email {
		t.Errorf("the provider writes to %s", fresh.OwnerEmail)
	}
}

// The link of an invitation ends after a week, when a new one is made, and when it is
// taken back.
func TestAnInvitationEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.adds("boss@example.test", Owner)
	ivy := w.invites("ivy@example.test", Staff)
	first := w.token(ivy.ID, PurposeWelcome)
	w.later(WelcomeLasts)
	_, err := w.Reset(w.ctx(), w.shop, first, "a new battery staple")
	wantKind(t, err, fail.NotFound)

	second := w.token(ivy.ID, PurposeWelcome)
	if _, err := w.RemoveStaff(w.ctx(), w.shop, "test", ivy.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.Reset(w.ctx(), w.shop, second, "a new battery staple")
	wantKind(t, err, fail.NotFound)

	w.invites("ivy@example.test", Staff)
	if _, err := w.Reset(w.ctx(), w.shop, w.token(ivy.ID, PurposeWelcome), "a new battery staple"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.SignInReseller(w.ctx(), "ivy@example.test", "a new battery staple", "10.1.1.2"); err != nil {
		t.Error(err)
	}
}

func TestANewRoleEndsTheSignIns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.adds("boss@example.test", Owner)
	stan := w.adds("stan@example.test", Staff)
	owner, err := w.SetRole(w.ctx(), w.shop, "test", stan.ID, Owner)
	if err != nil || owner.SessionEpoch == stan.SessionEpoch {
		t.Errorf("got %+v, %v", owner, err)
	}
	same, err := w.SetRole(w.ctx(), w.shop, "test", stan.ID, Owner)
	if err != nil || same.SessionEpoch != owner.SessionEpoch {
		t.Errorf("what is no change ends sign-ins: %+v, %v", same, err)
	}
}
