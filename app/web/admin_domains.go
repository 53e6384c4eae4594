package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/domains"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// domainsListed is how many names are on a page, domainsOfFile in one step of a file.
const (
	domainsListed = 50
	domainsOfFile = 500
)

// domainStates are the lists of names that operators choose from.
var domainStates = []views.Option{{Value: domains.All, Label: "All"}, {Value: domains.Pending, Label: "Not proven"}, {Value: domains.Failing, Label: "Certificate failed"},
	{Value: domains.Expiring, Label: "Certificate expires soon"}, {Value: domains.Lapsed, Label: "Leads elsewhere"}} // read only

// adminDomains lists the names of all shops.
func (s *server) adminDomains(c *echo.Context) error {
	return s.adminDomainsAs(c, http.StatusOK, url.Values{}, views.Wrong{}, nil)
}

func (s *server) adminDomainsAs(c *echo.Context, status int, form url.Values, wrong views.Wrong, notice *views.Notice) error {
	filter, at, err := domainFilter(c, domainsListed+1)
	if err != nil {
		return err
	}
	var list []domains.Listed
	var totals domains.Totals
	if err := s.DB.CentralRead(c.Request().Context(), s.Domains.SearchQ(&list, filter), s.Domains.TotalsQ(&totals)); err != nil {
		return err
	}
	p := views.ConsoleList{Title: "Domains", Text: totalsOf(totals), Path: "/admin/domains", SearchLabel: "Domain or reseller", Query: filter.Query, State: filter.State, States: domainStates,
		CSV: pathWith("/admin/domains.csv", at), Columns: []views.Column{{Label: "Domain"}, {Label: "Reseller"}, {Label: "State"}, {Label: "Certificate until"}, {Label: "Found"}, {Label: "Do"}},
		Empty: views.EmptyProps{Title: "No domains", Text: "None is like this."}}
	if c.QueryParam("cursor") != "" {
		p.First = pathWith("/admin/domains", at)
	}
	if len(list) > domainsListed {
		list = list[:domainsListed]
		at.Set("cursor", cursorOfDomain(list[domainsListed-1]))
		p.Older = pathWith("/admin/domains", at)
	}
	for _, d := range list {
		p.Rows = append(p.Rows, s.adminDomainRow(d))
	}
	p.Create, p.CreateOpen = &views.ReportForm{Action: "/admin/domains", Submit: "Vouch for a domain", Wrong: wrong, Fields: []views.FieldProps{
		{Name: "tenant", Label: "Short name of the reseller", Value: form.Get("tenant"), Autocomplete: "off", MaxLength: "40"},
		{Name: "domain", Label: "Domain", Value: form.Get("domain"), Autocomplete: "off", MaxLength: "253", Hint: "It is served at once, on your word, and not given up when its records change."}}}, status != http.StatusOK
	shell := s.adminShell(c, "Domains")
	if notice != nil {
		shell.Notice = notice
	}
	return s.render(c, status, views.ConsoleListPage(shell, p))
}

func totalsOf(t domains.Totals) string {
	text := views.CountOf(t.All, "domain")
	for _, n := range []struct {
		count int
		label string
	}{{t.Pending, "not proven"}, {t.Failed, "with a failed certificate"}, {t.Expiring, "with a certificate that expires soon"}, {t.Lapsed, "leading elsewhere"}} {
		if n.count > 0 {
			text += ", " + strconv.Itoa(n.count) + " " + n.label
		}
	}
	return text + "."
}

func (s *server) adminDomainRow(d domains.Listed) views.ConsoleRow {
	found := ""
	switch {
	case d.SSLError != nil && d.VerifiedAt != nil:
		found = *d.SSLError
	case d.CheckError != nil:
		found = *d.CheckError
	}
	state := views.ReportCell{State: d.State(s.Domains.HTTPS), Below: d.Type}
	if d.ReleaseAt != nil {
		state.Below = "given up on " + dayUTC(d.ReleaseAt)
	}
	row := views.ConsoleRow{Cells: []views.ReportCell{{Text: d.Domain.Domain.Domain, Below: d.Unicode()}, {Text: d.Shop, Href: "/admin/resellers/" + d.Slug}, state, {Text: dayUTC(d.SSLExpiresAt)}, {Text: found}}}
	act := func(step, label string) {
		row.Action = &views.FormProps{Action: "/admin/domains/" + d.ID.String() + "/" + step}
		row.Button = views.ButtonProps{Label: label, Small: true, Describe: label + ": " + d.Domain.Domain.Domain}
	}
	switch {
	case d.VerifiedAt == nil || d.LapsedAt != nil:
		act("vouch", "Vouch")
	case s.Issuer != nil && (d.SSLStatus != "active" || d.SSLFailures > 0):
		act("certificate", "Try again")
	default:
		act("check", "Check")
	}
	return row
}

// adminVouch gives a shop a name on an operator's word.
func (s *server) adminVouch(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	t, ok := s.Registry.BySlug(strings.TrimSpace(form.Get("tenant")))
	if !ok {
		err = fail.Fields{"tenant": "There is no reseller with this short name."}.Err()
	} else {
		_, err = s.Domains.Vouch(c.Request().Context(), t, form.Get("domain"), visitOf(c).operator.Email)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.adminDomainsAs(c, status, form, wrong, nil)
	}
	if err != nil {
		return err
	}
	putNotice(c, s.doors.admin, views.ToneGood, "The domain is served for "+t.Name+".")
	return seeOther(c, "/admin/domains")
}

// adminDomainStep takes a step with a name of any shop.
func (s *server) adminDomainStep(c *echo.Context) error {
	ctx, actor := c.Request().Context(), visitOf(c).operator.Email
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return fail.Missing("domain")
	}
	d, err := s.Domains.Any(ctx, id)
	if err != nil {
		return err
	}
	t, ok := s.Registry.ByID(d.TenantID)
	if !ok {
		return fail.Missing("domain")
	}
	said, err := s.domainStep(c, t, d, actor)
	if kind := fail.KindOf(err); err != nil && (kind == fail.Unavailable || kind == fail.Conflict || kind == fail.TooMany) {
		return s.adminDomainsAs(c, http.StatusUnprocessableEntity, url.Values{}, views.Wrong{}, &views.Notice{Tone: views.ToneBad, Title: d.Domain.Domain, Text: sentence(err)})
	}
	if err != nil {
		return err
	}
	putNotice(c, s.doors.admin, views.ToneGood, said)
	return seeOther(c, "/admin/domains")
}

func (s *server) domainStep(c *echo.Context, t tenants.Tenant, d domains.Domain, actor string) (said string, err error) {
	ctx, name := c.Request().Context(), d.Domain.Domain
	switch c.Param("step") {
	case "vouch":
		_, err = s.Domains.Vouch(ctx, t, name, actor)
		return name + " is served for " + t.Name + ".", err
	case "check":
		now, err := s.Domains.Check(ctx, t, name, actor)
		if err == nil && now.CheckError != nil {
			return name + ": " + *now.CheckError, nil
		}
		return name + " is as it should be.", err
	case "certificate":
		if s.Issuer == nil {
			return "", fail.New(fail.Conflict, "This installation leaves HTTPS to the server before it.")
		}
		return "The certificate of " + name + " is there.", s.Issuer.Obtain(ctx, name)
	}
	return "", fail.Missing("page")
}

// adminDomainsCSV is the list as a file, written page by page.
func (s *server) adminDomainsCSV(c *echo.Context) error {
	filter, _, err := domainFilter(c, domainsOfFile)
	if err != nil {
		return err
	}
	list, err := s.Domains.Search(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="domains.csv"`)
	out := csv.NewWriter(c.Response())
	_ = out.Write([]string{"domain", "reseller", "slug", "type", "state", "proof", "added", "verified", "looked_at", "found", "leads_elsewhere_since", "given_up_on", "certificate_state", "certificate_until", "renewals", "certificate_error"})
	for {
		for _, d := range list {
			_ = out.Write(s.domainLine(d))
		}
		if out.Flush(); out.Error() != nil || len(list) < domainsOfFile {
			return out.Error()
		}
		last := list[len(list)-1]
		filter.After = domains.Cursor{Domain: last.Domain.Domain.Domain, ID: last.ID}
		if list, err = s.Domains.Search(c.Request().Context(), filter); err != nil {
			return err
		}
	}
}

func (s *server) domainLine(d domains.Listed) []string {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	added := d.CreatedAt
	return []string{d.Domain.Domain.Domain, inert(d.Shop), d.Slug, d.Type, d.State(s.Domains.HTTPS), text(d.Proof), stampOf(&added), stampOf(d.VerifiedAt), stampOf(d.CheckedAt), inert(text(d.CheckError)),
		stampOf(d.LapsedAt), stampOf(d.ReleaseAt), d.SSLStatus, stampOf(d.SSLExpiresAt), strconv.Itoa(d.SSLRenewals), inert(text(d.SSLError))}
}

func stampOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// domainFilter reads what a list is asked for, and the parameters that say so again.
func domainFilter(c *echo.Context, limit int) (f domains.Filter, at url.Values, err error) {
	f = domains.Filter{Query: strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(c.QueryParam("q"), "\x00", ""), "")), Limit: limit}
	for _, o := range domainStates {
		if o.Value == c.QueryParam("state") {
			f.State = o.Value
		}
	}
	at = url.Values{}
	for name, value := range map[string]string{"q": f.Query, "state": f.State} {
		if value != "" {
			at.Set(name, value)
		}
	}
	f.After, err = domainCursor(c.QueryParam("cursor"))
	return f, at, err
}

// domainCursor reads where a list goes on.
func domainCursor(text string) (after domains.Cursor, err error) {
	if text == "" {
		return after, nil
	}
	name, id, _ := strings.Cut(text, " ")
	after.Domain, err = tenants.NormalHost(name)
	var wrong error
	if after.ID, wrong = uuid.Parse(id); err != nil || wrong != nil {
		return after, fail.New(fail.BadRequest, "This page of the list does not exist.")
	}
	return after, nil
}

func cursorOfDomain(d domains.Listed) string { return d.Domain.Domain.Domain + " " + d.ID.String() }

func pathWith(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// dayUTC is a day as operators read it, empty for none.
func dayUTC(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
