package web

import (
	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

func (s *server) signUpPage(c *echo.Context) error {
	if in, err := s.signedIn(c); err != nil || in {
		if err != nil {
			return err
		}
		return seeOther(c, "/")
	}
	page := views.SignUp{Company: brandOf(visitOf(c).tenant).CompanyName, Next: localPath(c.QueryParam("next"), "")}
	return s.render(c, 200, views.SignUpPage(s.shopCard(c, "Create an account"), page))
}

// signUp answers the same whether or not the address has an account: the mail
// tells, and only to its owner.
func (s *server) signUp(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	page := views.SignUp{Company: brandOf(v.tenant).CompanyName, Name: form.Get("name"), Email: form.Get("email"), Next: localPath(form.Get("next"), "")}
	_, err = s.Accounts.Register(c.Request().Context(), v.tenant,
		accounts.Registration{Name: page.Name, Email: page.Email, Password: form.Get("password")}, v.ip)
	if err != nil {
		return s.again(c, err, func(wrong views.Wrong) templ.Component {
			page.Wrong = wrong
			return views.SignUpPage(s.cardShell(c, "Create an account"), page)
		})
	}
	return s.render(c, 200, views.CheckMailPage(s.cardShell(c, "Check your mail"), views.CheckMail{
		Title: "Check your mail", Email: page.Email, Outbox: s.outboxAddress(c), Next: page.Next,
		Text: "We have sent a letter to this address. Follow its link to confirm the address; then you can order your first desktop."}))
}

// outboxAddress is where a demonstration shows its letters.
func (s *server) outboxAddress(c *echo.Context) string {
	host := s.centralHost()
	if s.Outbox == nil || host == "" {
		return ""
	}
	return s.onHost(c, host, "/demo/mail")
}

// verifyPage changes nothing: programs that look into mail follow every link.
func (s *server) verifyPage(c *echo.Context) error {
	return s.render(c, 200, views.ConfirmPage(s.shopCard(c, "Confirm your address"), views.Confirm{
		Title: "Confirm your e-mail address", Text: "One press, and you can order your first desktop.",
		Action: "/verify/" + c.Param("token"), Button: "Confirm my address"}))
}

func (s *server) verify(c *echo.Context) error {
	v := visitOf(c)
	user, err := s.Accounts.Verify(c.Request().Context(), v.tenant, c.Param("token"))
	if fail.Is(err, fail.NotFound) {
		return s.render(c, 404, views.EndedPage(s.cardShell(c, "Link ended"), views.Ended{
			Title: "This link works no more", Text: "It was used already, or it is older than two days. If you confirmed your address before, just sign in; otherwise sign in and ask for a new link.",
			Action: views.NavItem{Label: "Sign in", Href: "/sign-in"}}))
	}
	if err != nil {
		return err
	}
	if in, err := s.signedIn(c); err != nil {
		return err
	} else if in && v.userID == user.ID {
		putNotice(c, s.doors.shop, views.ToneGood, "Your address is confirmed. You can order your first desktop now.")
		return seeOther(c, "/")
	}
	putNotice(c, s.doors.shop, views.ToneGood, "Your address is confirmed. Sign in to order your first desktop.")
	return seeOther(c, "/sign-in")
}

// resendVerification sends the letter of somebody who is signed in once more.
func (s *server) resendVerification(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	tone, text := views.ToneGood, "The letter is on its way again. Its link works for two days."
	if err := s.Accounts.ResendVerification(c.Request().Context(), v.tenant, v.userID, v.ip); err != nil {
		wrong, status := wrongOf(err)
		if status == 0 {
			return err
		}
		tone, text = views.ToneWarn, wrong.Whole
	}
	putNotice(c, s.doors.shop, tone, text)
	return seeOther(c, localPath(form.Get("next"), "/"))
}
