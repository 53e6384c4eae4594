package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/views"
)

// Lines of a list on a page, and in one step of a file.
const (
	linesOnPage = 25
	linesOfFile = 1000
)

var ( // read only
	customerStates = []views.Option{{Value: "", Label: "All"}, {Value: "active", Label: "Active"}, {Value: "suspended", Label: "Suspended"},
		{Value: "unpaid", Label: "Suspended, unpaid"}, {Value: "parked", Label: "Paused"}, {Value: "closed", Label: "Closed"}}
	desktopStates = []views.Option{{Value: "", Label: "Not destroyed"}, {Value: "running", Label: "Running"}, {Value: "stopped", Label: "Stopped"},
		{Value: "provisioning", Label: "Being made or started"}, {Value: "failed", Label: "Failed"}, {Value: "terminated", Label: "Destroyed"}}
)

// searchOf reads what a list is asked for. An unknown state shows all.
func searchOf(c *echo.Context, states []views.Option, limit int) console.Search {
	s := console.Search{Text: strings.TrimSpace(c.QueryParam("q")), Cursor: c.QueryParam("cursor"), Limit: limit}
	for _, o := range states {
		if o.Value == c.QueryParam("state") {
			s.State = o.Value
		}
	}
	return s
}

// before reads where a list goes on: below what was made at a moment, and of that
// moment below an id. A moment alone is as good.
func before(c *echo.Context) (at time.Time, id uuid.UUID, err error) {
	text := c.QueryParam("before")
	if text == "" {
		return endOfTime(), uuid.Max, nil
	}
	moment, rest, more := strings.Cut(text, "_")
	at, err = time.Parse(time.RFC3339Nano, moment)
	if err == nil && more {
		id, err = uuid.Parse(rest)
	}
	if err != nil {
		err = fail.Wrap(err, fail.BadRequest, "This page does not exist. Begin at the first one.")
	}
	return at, id, err
}

func below(at time.Time, id uuid.UUID) string {
	return at.UTC().Format(time.RFC3339Nano) + "_" + id.String()
}

func listOfSearch(path string, search console.Search, next string) views.ConsoleList {
	filter := url.Values{}
	if search.Text != "" {
		filter.Set("q", search.Text)
	}
	if search.State != "" {
		filter.Set("state", search.State)
	}
	at := func(path string) string {
		if len(filter) == 0 {
			return path
		}
		return path + "?" + filter.Encode()
	}
	p := views.ConsoleList{Path: path, Query: search.Text, State: search.State, CSV: at(path + ".csv")}
	if search.Cursor != "" {
		p.First = at(path)
	}
	if next != "" {
		filter.Set("cursor", next)
		p.Older = at(path)
	}
	return p
}

func (s *server) customersPage(c *echo.Context) error {
	return s.customersAs(c, http.StatusOK, nil, views.Wrong{})
}

func (s *server) customersAs(c *echo.Context, status int, typed url.Values, wrong views.Wrong) error {
	t, search := visitOf(c).tenant, searchOf(c, customerStates, linesOnPage)
	var rows []console.Customer
	q, err := console.CustomersQ(&rows, search, t.Currency)
	if err != nil {
		return err
	}
	person, err := s.consoleRead(c, q)
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > linesOnPage {
		rows = rows[:linesOnPage]
		next = console.Cursor(rows[linesOnPage-1].CreatedAt, rows[linesOnPage-1].ID)
	}
	p := listOfSearch("/reseller/customers", search, next)
	p.Title, p.Text, p.SearchLabel, p.States = "Customers", "Everybody who has an account in your shop.", "Name or address", customerStates
	p.Columns = []views.Column{{Label: "Customer"}, {Label: "State"}, {Label: "Since"}, {Label: "Desktops", End: true}, {Label: "Credit", End: true}}
	p.Empty = views.EmptyProps{Title: "Nobody found", Text: "No customer matches. New ones appear here as soon as they have an account."}
	p.CreateLabel = "Invite a customer"
	p.Create, p.CreateOpen = &views.ReportForm{Action: "/reseller/customers", Submit: "Send the invitation", Wrong: wrong, Fields: []views.FieldProps{
		{Name: "email", Label: "E-mail address", Type: "email", Value: typed.Get("email"), Autocomplete: "off", Hint: "A mail lets them choose a password."},
		{Name: "name", Label: "Name", Value: typed.Get("name"), Autocomplete: "off", Optional: true}}}, status != http.StatusOK
	for _, r := range rows {
		state := views.ReportCell{State: r.State}
		if !r.Confirmed {
			state.Below = "address not confirmed"
		}
		p.Rows = append(p.Rows, views.ConsoleRow{Cells: []views.ReportCell{{Text: r.Name, Below: r.Email, Href: customerPath(r.ID)}, state,
			{Text: r.CreatedAt.In(t.Zone).Format("Jan 2, 2006")}, {Text: strconv.Itoa(r.Desktops), Below: strconv.Itoa(r.Running) + " running"},
			{Text: money.Of(r.Credit, t.Currency).Format()}}})
	}
	return s.render(c, status, views.ConsoleListPage(s.consoleShell(c, p.Title, person), p))
}

// createCustomer invites somebody, who chooses a password by the mailed link.
func (s *server) createCustomer(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	user, _, err := s.Accounts.Create(c.Request().Context(), visitOf(c).tenant, accounts.NewUser{Email: form.Get("email"), Name: strings.TrimSpace(form.Get("name")),
		Role: accounts.Customer, Invite: true, Actor: consoleActor(c)})
	if wrong, status := wrongOf(err); status != 0 {
		return s.customersAs(c, status, form, nameless(form, wrong))
	}
	if err != nil {
		return err
	}
	return s.consoleDone(c, user.Name+" is invited by mail.", customerPath(user.ID))
}

func (s *server) suspendCustomer(c *echo.Context) error {
	return s.turnCustomer(c, "The account is suspended. Running desktops stop at the end of their paid time.", s.Console.Suspend)
}

func (s *server) resumeCustomer(c *echo.Context) error {
	return s.turnCustomer(c, "The account is open again.", s.Console.Resume)
}

func (s *server) customersCSV(c *echo.Context) error {
	t, search := visitOf(c).tenant, searchOf(c, customerStates, linesOfFile)
	head := []string{"id", "name", "email", "state", "confirmed", "created_at", "desktops", "running", "credit", "currency"}
	return s.streamCSV(c, "customers", head, func(cursor string) ([][]string, string, error) {
		search.Cursor = cursor
		var rows []console.Customer
		q, err := console.CustomersQ(&rows, search, t.Currency)
		if err == nil {
			_, err = s.consoleRead(c, q)
		}
		if err != nil {
			return nil, "", err
		}
		next := ""
		if len(rows) > linesOfFile {
			rows = rows[:linesOfFile]
			next = console.Cursor(rows[linesOfFile-1].CreatedAt, rows[linesOfFile-1].ID)
		}
		out := make([][]string, len(rows))
		for i, r := range rows {
			out[i] = []string{r.ID.String(), r.Name, r.Email, r.State, strconv.FormatBool(r.Confirmed), r.CreatedAt.UTC().Format(time.RFC3339),
				strconv.Itoa(r.Desktops), strconv.Itoa(r.Running), money.API(r.Credit, t.Currency), t.Currency}
		}
		return out, next, nil
	})
}

// streamCSV writes a list page by page, so that its length does not matter.
func (s *server) streamCSV(c *echo.Context, name string, head []string, page func(cursor string) ([][]string, string, error)) error {
	rows, next, err := page("")
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(visitOf(c).tenant.Slug+"-"+name+".csv")+`"`)
	h.Set("Cache-Control", "private, no-store")
	out := csv.NewWriter(c.Response())
	if err := out.Write(head); err != nil {
		return err
	}
	for {
		for _, row := range rows {
			for i := range row {
				row[i] = inertCell(row[i])
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		if out.Flush(); out.Error() != nil || next == "" {
			return out.Error()
		}
		if rows, next, err = page(next); err != nil {
			return err
		}
	}
}

// inertCell keeps a spreadsheet from taking a customer's text for a formula.
func inertCell(text string) string {
	if text != "" && strings.ContainsRune("=+@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func (s *server) desktopsPage(c *echo.Context) error {
	search := searchOf(c, desktopStates, linesOnPage)
	var rows []console.Desktop
	q, err := console.DesktopsQ(&rows, search)
	if err != nil {
		return err
	}
	person, err := s.consoleRead(c, q)
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > linesOnPage {
		rows = rows[:linesOnPage]
		next = console.Cursor(rows[linesOnPage-1].CreatedAt, rows[linesOnPage-1].ID)
	}
	p, now := listOfSearch("/reseller/workspaces", search, next), s.Clock.Now()
	p.Title, p.Text, p.SearchLabel, p.States = "Desktops", "All desktops of your customers.", "Customer, plan or template", desktopStates
	p.Columns = []views.Column{{Label: "Desktop"}, {Label: "Customer"}, {Label: "State"}, {Label: "Running for", End: true}, {Label: "An hour", End: true}, {}}
	p.Empty = views.EmptyProps{Title: "No desktops", Text: "Desktops appear here when customers order them."}
	for _, r := range rows {
		row := views.ConsoleRow{Cells: []views.ReportCell{{Text: r.Plan, Below: r.Template}, {Text: r.Name, Below: r.Email, Href: customerPath(r.UserID)}, {State: desktopState(r)},
			{Text: runningFor(r, now)}, {Text: money.Rate(r.Rate, r.Currency)}}}
		if r.Status == "running" || r.Status == "provisioning" && r.Started {
			row.Action = &views.FormProps{Action: "/reseller/workspaces/" + r.ID.String() + "/stop"}
			row.Button = views.ButtonProps{Label: "Stop", Describe: "Stop " + r.Plan + " of " + r.Name, Small: true}
		}
		p.Rows = append(p.Rows, row)
	}
	return s.render(c, http.StatusOK, views.ConsoleListPage(s.consoleShell(c, p.Title, person), p))
}

func desktopState(d console.Desktop) string {
	if d.Status == "provisioning" && d.Started {
		return "starting"
	}
	return d.Status
}

func runningFor(d console.Desktop, now time.Time) string {
	if d.RunningSince == nil {
		return ""
	}
	return strings.TrimPrefix(metering.Clock(*d.RunningSince, now), "Running for ")
}

func (s *server) desktopsCSV(c *echo.Context) error {
	search := searchOf(c, desktopStates, linesOfFile)
	head := []string{"id", "customer", "email", "plan", "template", "status", "price_per_hour", "currency", "created_at", "running_since"}
	return s.streamCSV(c, "workspaces", head, func(cursor string) ([][]string, string, error) {
		search.Cursor = cursor
		var rows []console.Desktop
		q, err := console.DesktopsQ(&rows, search)
		if err == nil {
			_, err = s.consoleRead(c, q)
		}
		if err != nil {
			return nil, "", err
		}
		next := ""
		if len(rows) > linesOfFile {
			rows = rows[:linesOfFile]
			next = console.Cursor(rows[linesOfFile-1].CreatedAt, rows[linesOfFile-1].ID)
		}
		out := make([][]string, len(rows))
		for i, r := range rows {
			since := ""
			if r.RunningSince != nil {
				since = r.RunningSince.UTC().Format(time.RFC3339)
			}
			out[i] = []string{r.ID.String(), r.Name, r.Email, r.Plan, r.Template, r.Status, r.Rate.String(), r.Currency, r.CreatedAt.UTC().Format(time.RFC3339), since}
		}
		return out, next, nil
	})
}

func (s *server) stopShopDesktop(c *echo.Context) error {
	id, err := idOf(c.Param("id"), "workspace")
	if err != nil {
		return err
	}
	v := visitOf(c)
	if _, err := s.Workspaces.Stop(c.Request().Context(), v.tenant, workspaces.Who{UserID: v.userID, Staff: true}, id, metering.ByStaff); err != nil {
		return err
	}
	return s.consoleDone(c, "The desktop is being stopped.", "/reseller/workspaces")
}

// turnCustomer reads the reason and changes how a customer stands.
func (s *server) turnCustomer(c *echo.Context, said string, do turning) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := idOf(c.Param("id"), "customer")
	if err != nil {
		return err
	}
	if err = do(c.Request().Context(), visitOf(c).tenant, consoleActor(c), id, form.Get("reason")); err == nil {
		return s.consoleDone(c, said, customerPath(id))
	}
	return s.askReason(c, err, id, form)
}

// askReason shows the form once more, alone.
func (s *server) askReason(c *echo.Context, err error, id uuid.UUID, form url.Values) error {
	if fail.Is(err, fail.NotFound) {
		return err
	}
	person, readErr := s.consoleRead(c)
	if readErr != nil {
		return readErr
	}
	return s.again(c, err, func(wrong views.Wrong) templ.Component {
		return views.ReportPage(s.consoleShell(c, "Give a reason", person), views.Report{Title: "Give a reason", Back: views.NavItem{Label: "Customer", Href: customerPath(id)},
			Sections: []views.ReportSection{{Form: &views.ReportForm{Action: c.Request().URL.Path, Submit: "Go on", Wrong: wrong,
				Fields: []views.FieldProps{{Name: "reason", Label: "Reason", Value: form.Get("reason"), MaxLength: "200", Autocomplete: "off"}}}}}})
	})
}
