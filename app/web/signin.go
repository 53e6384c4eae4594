package web

import (
	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

// cardShell frames a page of one card: a door, or what a mailed link leads to.
func (s *server) cardShell(c *echo.Context, title string) views.Shell {
	shell := s.bareShell(c, title)
	shell.Narrow = false
	return shell
}

// shopCard is cardShell with the notice that a redirect in the shop left.
func (s *server) shopCard(c *echo.Context, title string) views.Shell {
	shell := s.cardShell(c, title)
	shell.Notice = popNotice(c, s.doors.shop)
	return shell
}

// signedIn asks whether the person of the session may still come in. The session
// alone does not know about a new password or a closed account.
func (s *server) signedIn(c *echo.Context) (bool, error) {
	v := visitOf(c)
	if v.userID == uuid.Nil {
		return false, nil
	}
	var person accounts.User
	var found bool
	if err := s.DB.Read(c.Request().Context(), v.tenant, accounts.UserFindQ(&person, &found, v.userID)); err != nil {
		return false, err
	}
	return found && welcome(v, person) == nil, nil
}

// shopDoor words the door of the shop at hand.
func (s *server) shopDoor(c *echo.Context, next, email string) views.SignIn {
	return views.SignIn{
		Title: "Sign in", Text: "Welcome back to " + brandOf(visitOf(c).tenant).CompanyName + ".",
		Action: "/sign-in", Next: localPath(next, ""), Email: email, Forgot: "/forgot", SignUp: "/sign-up",
	}
}

func (s *server) signInPage(c *echo.Context) error {
	next := c.QueryParam("next")
	if in, err := s.signedIn(c); err != nil || in {
		if err != nil {
			return err
		}
		return seeOther(c, localPath(next, "/"))
	}
	return s.render(c, 200, views.SignInPage(s.shopCard(c, "Sign in"), s.shopDoor(c, next, "")))
}

func (s *server) signIn(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v, door := visitOf(c), s.shopDoor(c, form.Get("next"), form.Get("email"))
	user, err := accounts.User{}, filledIn(door.Email, form.Get("password"))
	if err == nil {
		user, err = s.Accounts.SignIn(c.Request().Context(), v.tenant, door.Email, form.Get("password"), v.ip)
	}
	if err != nil {
		return s.againAtDoor(c, err, door)
	}
	if err := enter(c, s.doors.shop, v.tenant.ID, user.ID, user.SessionEpoch); err != nil {
		return err
	}
	return seeOther(c, localPath(door.Next, "/"))
}

// againAtDoor shows a door once more; the password is never sent back.
func (s *server) againAtDoor(c *echo.Context, err error, door views.SignIn) error {
	return s.again(c, err, func(wrong views.Wrong) templ.Component {
		door.Wrong = wrong
		return views.SignInPage(s.cardShell(c, door.Title), door)
	})
}

// filledIn spares an attempt that can only fail.
func filledIn(email, password string) error {
	wrong := fail.Fields{}
	if email == "" {
		wrong.Add("email", "Give your e-mail address.")
	}
	if password == "" {
		wrong.Add("password", "Give your password.")
	}
	return wrong.Err()
}

func (s *server) signOut(c *echo.Context) error {
	if err := s.leave(c); err != nil {
		return err
	}
	if err := s.Console.EndAll(c.Request().Context(), s.doors.shop.GetString(c.Request().Context(), keyActs)); err != nil {
		return err
	}
	if err := s.doors.shop.Destroy(c.Request().Context()); err != nil {
		return err
	}
	return seeOther(c, "/")
}
