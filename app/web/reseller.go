package web

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// peoplePage is how many customers the console lists at once.
const peoplePage = 25

// deskOfReseller is the session that counts at /reseller on this host.
func (s *server) deskOfReseller(c *echo.Context) *scs.SessionManager {
	if visitOf(c).central {
		return s.doors.reseller
	}
	return s.doors.shop
}

func (s *server) resellerDoor(next, email string) views.SignIn {
	return views.SignIn{Title: "Reseller sign-in", Text: "For the owners and staff of a shop.", Action: "/reseller/sign-in",
		Next: localPath(next, ""), Email: email}
}

func (s *server) resellerSignInPage(c *echo.Context) error {
	shell := s.cardShell(c, "Reseller sign-in")
	shell.Notice = popNotice(c, s.deskOfReseller(c))
	return s.render(c, 200, views.SignInPage(shell, s.resellerDoor(c.QueryParam("next"), "")))
}

func (s *server) resellerSignIn(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	door := s.resellerDoor(form.Get("next"), form.Get("email"))
	shop, user, err := s.resellerOf(c, door.Email, form.Get("password"))
	if err != nil {
		return s.againAtDoor(c, err, door)
	}
	if err := enter(c, s.deskOfReseller(c), shop.ID, user.ID, user.SessionEpoch); err != nil {
		return err
	}
	return seeOther(c, localPath(door.Next, "/reseller"))
}

// resellerOf finds one of a reseller's people: on a shop's host in that shop
// only. A customer of the shop is told no more than a stranger.
func (s *server) resellerOf(c *echo.Context, email, password string) (tenants.Tenant, accounts.User, error) {
	v, ctx := visitOf(c), c.Request().Context()
	if err := filledIn(email, password); err != nil {
		return tenants.Tenant{}, accounts.User{}, err
	}
	if v.central {
		return s.Accounts.SignInReseller(ctx, email, password, v.ip)
	}
	user, err := s.Accounts.SignIn(ctx, v.tenant, email, password, v.ip)
	if err == nil && !user.Runs() {
		err = fail.New(fail.Unauthorised, "The e-mail address or the password is wrong.")
	}
	return v.tenant, user, err
}

func (s *server) resellerSignOut(c *echo.Context) error {
	if err := s.leave(c); err != nil {
		return err
	}
	if err := s.Console.EndAll(c.Request().Context(), s.deskOfReseller(c).GetString(c.Request().Context(), keyActs)); err != nil {
		return err
	}
	if err := s.deskOfReseller(c).Destroy(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, "/reseller/sign-in")
}

// consoleShell frames the console in the look of the host it is read on.
func (s *server) consoleShell(c *echo.Context, title string, person accounts.User) views.Shell {
	v := visitOf(c)
	shell := s.bareShell(c, title)
	shell.Narrow, shell.Host, shell.HomeHref, shell.SignOutHref = false, views.HostReseller, "/reseller", "/reseller/sign-out"
	shell.User = &views.ShellUser{Name: person.Name, Initials: branding.Initials(person.Name), Email: person.Email}
	hidden := ownersPages
	if person.Role == accounts.Owner {
		hidden = nil
	}
	shell.Acting = s.actingOf(c)
	shell.Side = sideAt(consoleNav, c.Request().URL.Path, hidden)
	shell.Menu = []views.NavItem{{Label: "Your shop", Href: s.addressOf(c, v.tenant, "/")}}
	if host, _, ok := s.Registry.ByHost(s.hostOf(c.Request())); ok {
		shell.BrandCSSURL = "/brand.css?v=" + branding.Version(brandOf(host))
		if host.ID != v.tenant.ID { // no shop's files are served elsewhere
			shell.Brand.FaviconURL = ""
			if shell.Brand.LogoURL != "" {
				shell.Brand.LogoURL = "/reseller/branding/logo?v=" + url.QueryEscape(v.tenant.Branding.LogoURL)
			}
		}
	}
	if shell.Notice = popNotice(c, s.deskOfReseller(c)); shell.Notice == nil {
		shell.Notice = owedNotice(v.tenant)
	}
	return shell
}

func grantOf(t tenants.Tenant, id uuid.UUID, name, back string) views.Grant {
	return views.Grant{Action: customerPath(id) + "/credit", Cause: uuid.NewString(),
		Symbol: strings.TrimSpace(money.Symbol(t.Currency)), Name: name, Back: back}
}

func (s *server) grantCredit(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, ctx := visitOf(c), c.Request().Context()
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("customer")
	}
	var buyer accounts.User
	person, err := s.consoleRead(c, accounts.UserQ(&buyer, id))
	if err != nil {
		return err
	}
	grant := grantOf(v.tenant, buyer.ID, buyer.Name, consolePath(form.Get("back")))
	grant.Alone, grant.Amount, grant.Reason = true, form.Get("amount"), form.Get("reason")
	if cause, err := uuid.Parse(form.Get("cause")); err == nil {
		grant.Cause = cause.String()
	}
	amount, err := grantForm(grant, v.tenant.Currency)
	if err == nil {
		err = s.Ledger.Grant(ctx, v.tenant, "user:"+v.userID.String(), id, amount.D, strings.TrimSpace(grant.Reason), grant.Cause)
	}
	if err != nil {
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			grant.Wrong = wrong
			shell := s.consoleShell(c, "Grant credit", person)
			shell.Narrow = true
			return views.GrantPage(shell, grant)
		})
	}
	putNotice(c, s.deskOfReseller(c), views.ToneGood, buyer.Name+" has "+amount.Format()+" more credit.")
	return seeOther(c, grant.Back)
}

// consolePath lets a form lead back into the console only.
func consolePath(back string) string {
	if back != "/reseller" && !strings.HasPrefix(back, "/reseller?") && !strings.HasPrefix(back, "/reseller/customers/") {
		return "/reseller"
	}
	return localPath(back, "/reseller")
}

// grantForm reads the amount, and asks for a reason: the customer will see it.
func grantForm(g views.Grant, currency string) (amount money.Amount, err error) {
	wrong := fail.Fields{}
	text := strings.TrimSpace(g.Amount)
	if text == "" || len(text) > 20 {
		wrong.Add("amount", "Enter an amount such as %s.", money.API(decimal.NewFromInt(20), currency))
	} else if amount, err = money.Parse(text, currency); err != nil {
		wrong.Add("amount", "Enter an amount such as %s.", money.API(decimal.NewFromInt(20), currency))
	}
	switch n := utf8.RuneCountInString(strings.TrimSpace(g.Reason)); {
	case n == 0:
		wrong.Add("reason", "Say why, in a few words.")
	case n > 200 || !utf8.ValidString(g.Reason) || strings.ContainsRune(g.Reason, 0):
		wrong.Add("reason", "Use at most 200 plain characters.")
	}
	return amount, wrong.Err()
}
