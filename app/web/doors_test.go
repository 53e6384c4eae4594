package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestSignUpAnswersTheSameForANewAndAKnownAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.at(w.a).get("/sign-up").want(200).says("Create your account")
	form := func(email string) url.Values {
		return url.Values{"name": {"Grace Hopper"}, "email": {email}, "password": {"another long one"}}
	}
	fresh := w.at(w.a).post("/sign-up", form("grace@example.com")).want(200).says("Check your mail", "grace@example.com")
	known := w.at(w.a).post("/sign-up", form("grace@example.com")).want(200)
	if fresh.text() != known.text() {
		t.Errorf("a known address is given away:\n%s\n%s", fresh.text(), known.text())
	}
	if len(fresh.cookies) != 0 {
		t.Errorf("a sign-up alone signs in: %v", fresh.cookies)
	}
	// The account is there, and the first password counts.
	w.at(w.a).post("/sign-in", url.Values{"email": {"grace@example.com"}, "password": {"another long one"}}).goesTo("/")
	w.at(w.b).post("/sign-in", url.Values{"email": {"grace@example.com"}, "password": {"another long one"}}).want(422)
}

func TestSignUpKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.at(w.a).post("/sign-up", url.Values{"name": {`Grace "<b>`}, "email": {"nowhere"}, "password": {"short"}, "next": {"/kasm/order"}}).want(422)
	if got.value("name") != `Grace "<b>` || got.value("email") != "nowhere" || got.value("next") != "/kasm/order" {
		t.Errorf("input is lost: %q %q %q", got.value("name"), got.value("email"), got.value("next"))
	}
	if got.value("password") != "" {
		t.Error("the password was sent back")
	}
	for _, field := range []string{"email", "password"} {
		if got.fieldError(field) == "" {
			t.Errorf("nothing is said beside %s", field)
		}
		if !strings.Contains(got.body, `href="#field-`+field+`"`) {
			t.Errorf("the summary does not lead to %s", field)
		}
	}
	if bad, _ := attrOf(got.find("input", "name", "email"), "aria-invalid"); bad != "true" {
		t.Error("the field is not marked")
	}
}

func TestSignInSaysOneThingForEveryFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	try := func(email, pass string) *answer {
		return w.at(w.a).post("/sign-in", url.Values{"email": {email}, "password": {pass}, "next": {"/usage?month=2026-10"}})
	}
	wrong, nobody := try("ada@example.com", "not this one").want(422), try("eve@example.com", "not this one").want(422)
	wrong.says("The e-mail address or the password is wrong.")
	if wrong.text() != nobody.text() {
		t.Errorf("the answers differ:\n%s\n%s", wrong.text(), nobody.text())
	}
	if wrong.value("email") != "ada@example.com" || wrong.value("next") != "/usage?month=2026-10" {
		t.Errorf("input is lost: %q %q", wrong.value("email"), wrong.value("next"))
	}
	if got := try("", "").want(422); got.fieldError("email") == "" || got.fieldError("password") == "" {
		t.Error("empty fields are not named")
	}
	try("ADA@example.com ", password).goesTo("/usage?month=2026-10")
}

func TestSignInLeadsToOwnPagesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	for _, next := range []string{"https://evil.test/", "//evil.test", `/\evil.test`, "javascript:alert(1)", "/\tx", "evil"} {
		w.at(w.a).post("/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}, "next": {next}}).goesTo("/")
	}
}

func TestTooManySignInsAreSlowedDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	form := url.Values{"email": {"ada@example.com"}, "password": {"not this one"}}
	var got *answer
	for range 12 {
		if got = w.at(w.a).post("/sign-in", form); got.status == http.StatusTooManyRequests {
			break
		}
	}
	got.want(429).says("Too many attempts. Try again in")
	if got.header.Get("Retry-After") == "" || got.value("email") != "ada@example.com" {
		t.Error("the page of the limit lacks Retry-After or the input")
	}
	w.at(w.a).post("/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}}).want(429)
}

func TestWhoIsSignedInSkipsTheDoors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@example.com")
	ada.get("/sign-in").goesTo("/")
	ada.get("/sign-in?next=/usage").goesTo("/usage")
	ada.get("/sign-up").goesTo("/")
	ada.post("/sign-out", nil).goesTo("/")
	if len(ada.cookies) != 0 {
		t.Errorf("cookies stay after signing out: %v", ada.cookies)
	}
	ada.get("/sign-in").want(200)
}

func TestASuspendedPersonIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.person(w.a, "ada@example.com", accounts.Customer)
	ada := w.at(w.a).signIn("", "ada@example.com")
	if _, err := w.deps.Accounts.SetStatus(t.Context(), w.a, "test", user.ID, accounts.Suspended); err != nil {
		t.Fatal(err)
	}
	w.at(w.a).post("/sign-in", url.Values{"email": {"ada@example.com"}, "password": {password}}).want(403).says("suspended")
	// The session that was open is over, and the door does not send in circles.
	ada.get("/usage").goesTo("/sign-in?next=%2Fusage")
	ada.get("/sign-in?next=/usage").want(200)
}

func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.person(w.a, "ada@example.com", accounts.Customer)
	old := w.at(w.a).signIn("", "ada@example.com")

	known := w.at(w.a).post("/forgot", url.Values{"email": {"ada@example.com"}}).want(200)
	nobody := w.at(w.a).post("/forgot", url.Values{"email": {"eve@example.com"}}).want(200)
	if strings.ReplaceAll(known.text(), "ada@", "eve@") != nobody.text() {
		t.Error("the page tells whether the address is known")
	}
	if got := w.at(w.a).post("/forgot", url.Values{"email": {"nowhere"}}).want(422); got.fieldError("email") == "" || got.value("email") != "nowhere" {
		t.Error("a wrong address is not told, or lost")
	}

	path := "/reset/" + w.link(w.a, user.ID, accounts.PurposeReset)
	w.at(w.b).get(path).want(404).says("This link works no more")
	visitor := w.at(w.a)
	visitor.get(path).want(200).says("Choose a new password")
	if got := visitor.post(path, url.Values{"password": {"short"}}).want(422); got.fieldError("password") == "" {
		t.Error("a short password is not refused beside its field")
	}
	w.at(w.b).post(path, url.Values{"password": {"a new password"}}).want(404)
	visitor.post(path, url.Values{"password": {"a new password"}}).goesTo("/")
	visitor.get("/sign-in").goesTo("/")
	old.get("/usage").goesTo("/sign-in?next=%2Fusage") // every earlier sign-in is over
	w.at(w.a).post(path, url.Values{"password": {"a third password"}}).want(404).says("This link works no more")
	w.at(w.a).post("/sign-in", url.Values{"email": {"ada@example.com"}, "password": {"a new password"}}).goesTo("/")
}

func TestAnOwnersFirstPasswordLeadsToTheConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner, _, err := w.deps.Accounts.Create(t.Context(), w.a, accounts.NewUser{Email: "owner@example.com", Name: "Otto", Role: accounts.Owner, Invite: true})
	if err != nil {
		t.Fatal(err)
	}
	visitor := w.at(w.a)
	visitor.post("/reset/"+w.link(w.a, owner.ID, accounts.PurposeWelcome), url.Values{"password": {"a new password"}}).goesTo("/reseller")
	visitor.get("/reseller").want(200).says("Northwind Desktops", "Your new password is saved")
	visitor.get("/reseller").want(200).hides("Your new password is saved")
}

func TestConfirmingAnAddressTakesAPress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user, err := w.deps.Accounts.Register(t.Context(), w.a, accounts.Registration{Name: "Ada", Email: "ada@example.com", Password: password}, "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	path := "/verify/" + w.link(w.a, user.ID, accounts.PurposeVerify)
	for range 3 { // a scanner that follows the link
		w.at(w.a).get(path).want(200).says("Confirm my address")
	}
	w.at(w.b).post(path, nil).want(404).says("This link works no more")
	ada := w.at(w.a).signIn("", "ada@example.com")
	ada.post("/verify", url.Values{"next": {"/usage"}}).goesTo("/usage")
	visitor := w.at(w.a)
	visitor.post(path, nil).goesTo("/sign-in")
	visitor.get("/sign-in").want(200).says("Your address is confirmed")
	visitor.get("/sign-in").hides("Your address is confirmed")
	visitor.post(path, nil).want(404).says("This link works no more")
	if now, err := w.deps.Accounts.ByID(t.Context(), w.a, user.ID); err != nil || !now.Verified() {
		t.Errorf("the address is not confirmed: %v %v", now, err)
	}
	ada.post("/verify", nil).goesTo("/") // nothing left to confirm is no fault
}
