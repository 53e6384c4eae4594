package web

import (
	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

func (s *server) forgotPage(c *echo.Context) error {
	return s.render(c, 200, views.ForgotPage(s.shopCard(c, "Choose a new password"), views.Forgot{}))
}

// forgot answers the same for an address that nobody has.
func (s *server) forgot(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, page := visitOf(c), views.Forgot{Email: form.Get("email")}
	if err := s.Accounts.Forgot(c.Request().Context(), v.tenant, page.Email, v.ip); err != nil {
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			page.Wrong = wrong
			return views.ForgotPage(s.cardShell(c, "Choose a new password"), page)
		})
	}
	return s.render(c, 200, views.CheckMailPage(s.cardShell(c, "Check your mail"), views.CheckMail{
		Title: "Check your mail", Email: page.Email, Outbox: s.outboxAddress(c),
		Text: "If there is an account with this address, a link to choose a new password is on its way. It works once, for one hour."}))
}

func (s *server) resetPage(c *echo.Context) error {
	if err := s.Accounts.CheckReset(c.Request().Context(), visitOf(c).tenant, c.Param("token")); err != nil {
		return s.resetEnded(c, err)
	}
	return s.render(c, 200, views.ResetPage(s.cardShell(c, "Choose a new password"), views.Reset{Action: "/reset/" + c.Param("token")}))
}

// reset signs the person in: the link has proved who it is.
func (s *server) reset(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, page := visitOf(c), views.Reset{Action: "/reset/" + c.Param("token")}
	user, err := s.Accounts.Reset(c.Request().Context(), v.tenant, c.Param("token"), form.Get("password"))
	switch {
	case fail.Is(err, fail.NotFound):
		return s.resetEnded(c, err)
	case err != nil:
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			page.Wrong = wrong
			return views.ResetPage(s.cardShell(c, "Choose a new password"), page)
		})
	case user.Status != accounts.Active:
		putNotice(c, s.doors.shop, views.ToneGood, "Your new password is saved.")
		return seeOther(c, "/sign-in")
	}
	if err := enter(c, s.doors.shop, v.tenant.ID, user.ID, user.SessionEpoch); err != nil {
		return err
	}
	putNotice(c, s.doors.shop, views.ToneGood, "Your new password is saved, and you are signed in.")
	if user.Runs() && !v.central {
		return seeOther(c, "/reseller")
	}
	return seeOther(c, "/")
}

// resetEnded says where a new link comes from; other errors go on.
func (s *server) resetEnded(c *echo.Context, err error) error {
	if !fail.Is(err, fail.NotFound) {
		return err
	}
	return s.render(c, 404, views.EndedPage(s.cardShell(c, "Link ended"), views.Ended{
		Title: "This link works no more", Text: "It was used already, has expired, or a newer one was sent.",
		Action: views.NavItem{Label: "Send me a new link", Href: "/forgot"}, Other: views.NavItem{Label: "Back to sign-in", Href: "/sign-in"}}))
}
