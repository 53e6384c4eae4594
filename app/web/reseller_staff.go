package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

func (s *server) teamPage(c *echo.Context) error {
	return s.teamAs(c, http.StatusOK, views.TermsForm{}, "")
}

// teamAs draws the people with the invitation as it was typed, and with a sentence
// about what could not be done.
func (s *server) teamAs(c *echo.Context, status int, form views.TermsForm, wrong string) error {
	v := visitOf(c)
	var team []accounts.User
	person, err := s.consoleRead(c, accounts.TeamQ(&team))
	if err != nil {
		return err
	}
	page := views.Team{Invite: form, Wrong: wrong}
	for _, u := range team {
		member := views.TeamMember{ID: u.ID.String(), Name: u.Name, Email: u.Email, Role: string(u.Role), Since: u.CreatedAt.In(v.tenant.Zone).Format("Jan 2, 2006"),
			Invited: !u.Verified(), You: u.ID == v.userID}
		if u.Status != accounts.Active {
			member.State = string(u.Status)
		}
		page.People = append(page.People, member)
	}
	return s.render(c, status, views.TeamPage(s.consoleShell(c, "Staff", person), page))
}

func (s *server) inviteStaff(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	v := visitOf(c)
	user, err := s.Accounts.Invite(c.Request().Context(), v.tenant, accounts.Invitation{Email: form.Get("email"), Name: form.Get("name"), Role: accounts.Role(form.Get("role")),
		Actor: consoleActor(c), IP: v.ip})
	if wrong, status := wrongOf(err); status != 0 {
		return s.teamAs(c, status, typed(form, nameless(form, wrong)), "")
	}
	if err != nil {
		return err
	}
	said := user.Email + " gets a letter with a link to choose a password."
	if user.Verified() {
		said = user.Email + " helps to run the shop from now on, and is told by mail."
	}
	return s.consoleDone(c, said, "/reseller/staff")
}

// nameless takes back that a name is missing where none need be given: it is made from
// the address, once that is right.
func nameless(form url.Values, wrong views.Wrong) views.Wrong {
	if strings.TrimSpace(form.Get("name")) == "" && wrong.Fields["email"] != "" {
		delete(wrong.Fields, "name")
	}
	return wrong
}

// onMember does something to one of the shop's people and says so.
func (s *server) onMember(c *echo.Context, do func(id uuid.UUID) (said string, err error)) error {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("person")
	}
	said, err := do(id)
	if wrong, status := wrongOf(err); status != 0 {
		text := wrong.Whole
		for _, sentence := range wrong.Fields {
			text = sentence
		}
		return s.teamAs(c, status, views.TermsForm{}, text)
	}
	if err != nil {
		return err
	}
	back := "/reseller/staff"
	if id == visitOf(c).userID { // who may not see that page any more
		back = "/reseller"
	}
	return s.consoleDone(c, said, back)
}

func (s *server) inviteAgain(c *echo.Context) error {
	v := visitOf(c)
	return s.onMember(c, func(id uuid.UUID) (string, error) {
		user, err := s.Accounts.InviteAgain(c.Request().Context(), v.tenant, consoleActor(c), id, v.ip)
		return "The invitation is on its way to " + user.Email + " again.", err
	})
}

func (s *server) setStaffRole(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	return s.onMember(c, func(id uuid.UUID) (string, error) {
		user, err := s.Accounts.SetRole(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id, accounts.Role(form.Get("role")))
		said := user.Name + " is an owner now."
		if user.Role == accounts.Staff {
			said = user.Name + " is staff now."
		}
		return said, err
	})
}

func (s *server) removeStaff(c *echo.Context) error {
	return s.onMember(c, func(id uuid.UUID) (string, error) {
		user, err := s.Accounts.RemoveStaff(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id)
		return user.Name + " runs the shop no more.", err
	})
}
