package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

func (s *server) operatorsPage(c *echo.Context) error {
	return s.operatorsAs(c, http.StatusOK, nil, views.Wrong{}, "")
}

// operatorsAs lists the operators; a wrong form is that of a new one, or the one of
// the operator whose id it names.
func (s *server) operatorsAs(c *echo.Context, status int, typed url.Values, wrong views.Wrong, of string) error {
	all, err := s.Accounts.Operators(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.Operators{Create: views.ReportForm{Action: "/admin/operators", Submit: "Create operator", Fields: []views.FieldProps{
		{Name: "email", Label: "E-mail address", Type: "email", Autocomplete: "off", MaxLength: "254"}, {Name: "name", Label: "Name", Optional: true, Autocomplete: "off", MaxLength: "80"},
		{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password", Hint: "Tell it to them in person; they can have it changed here."}}}}
	if of == "" {
		page.Create.Wrong = wrong
		page.Create.Fields[0].Value, page.Create.Fields[1].Value = typed.Get("email"), typed.Get("name")
	}
	for _, o := range all {
		id := o.ID.String()
		row := views.OperatorRow{ID: id, Name: o.Name, Email: o.Email, Since: civilDay(o.CreatedAt), Self: o.ID == visitOf(c).operator.ID, ResetOpen: of == id,
			Reset: views.ReportForm{Action: "/admin/operators/" + id + "/password", Submit: "Set password", Fields: []views.FieldProps{
				{Name: "password", ID: "password-" + id, Label: "New password", Type: "password", Autocomplete: "new-password", Hint: "It ends all of their sign-ins."}}}}
		if row.ResetOpen {
			row.Reset.Wrong = wrong
		}
		page.Rows = append(page.Rows, row)
	}
	return s.render(c, status, views.OperatorsPage(s.adminShell(c, "Operators"), page))
}

func (s *server) createOperator(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	var made accounts.Operator
	if form.Get("password") == "" {
		err = fail.Fields{"password": "Choose a password."}.Err()
	} else {
		made, _, err = s.Accounts.CreateOperator(c.Request().Context(), form.Get("email"), form.Get("name"), form.Get("password"))
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.operatorsAs(c, status, form, wrong, "")
	}
	return s.actedOn(c, "operator.created", made.Email, made.Email+" can sign in now.", err)
}

// actedOn notes what was done with an operator and goes back to the list.
func (s *server) actedOn(c *echo.Context, action, email, done string, err error) error {
	if err == nil {
		err = s.oversight.Record(c.Request().Context(), visitOf(c).operator.Email, action, email, nil)
	}
	return s.acted(c, "/admin/operators", done, err)
}

func (s *server) resetOperator(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "operator")
	if err != nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	person, err := s.Accounts.Operator(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if form.Get("password") == "" {
		err = fail.Fields{"password": "Choose a password."}.Err()
	} else {
		_, _, err = s.Accounts.SetOperatorPassword(c.Request().Context(), person.Email, form.Get("password"))
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.operatorsAs(c, status, form, wrong, id.String())
	}
	return s.actedOn(c, "operator.password_set", person.Email, "The password of "+person.Email+" is changed; their sign-ins have ended.", err)
}

func (s *server) removeOperator(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "operator")
	if err != nil {
		return err
	}
	if id == visitOf(c).operator.ID {
		return s.acted(c, "/admin/operators", "", fail.New(fail.Conflict, "You cannot remove yourself. Ask another operator."))
	}
	gone, err := s.Accounts.RemoveOperator(c.Request().Context(), id)
	return s.actedOn(c, "operator.removed", gone.Email, gone.Email+" can no longer sign in.", err)
}
