package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/oversight"
	"github.com/ezscale/ezscale/views"
)

// logSearch is what the audit log is asked for, and as its address says it.
type logSearch struct {
	oversight.LogFilter
	at url.Values
}

func (s *server) logSearchOf(c *echo.Context) (f logSearch, err error) {
	f.at = url.Values{}
	for _, name := range []string{"q", "action", "shop", "from", "to"} {
		if text := cleanText(c.QueryParam(name)); text != "" {
			f.at.Set(name, text)
		}
	}
	f.Actor, f.Action = f.at.Get("q"), f.at.Get("action")
	if slug := f.at.Get("shop"); slug != "" {
		f.Tenant = uuid.Max // a shop that nobody knows has no lines
		if t, ok := s.Registry.BySlug(slug); ok {
			f.Tenant = t.ID
		}
	}
	if f.From, err = dayOf(f.at.Get("from"), 0); err != nil {
		return f, err
	}
	if f.Until, err = dayOf(f.at.Get("to"), 1); err != nil {
		return f, err
	}
	return f, f.after(c.QueryParam("cursor"))
}

func (f *logSearch) after(cursor string) error {
	if cursor == "" {
		return nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n <= 0 {
		return fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
	}
	f.Before = n
	return nil
}

// cleanText is a filter as the database can take it.
func cleanText(text string) string {
	return strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), ""))
}

// dayOf reads a day in UTC, and moves it on by whole days.
func dayOf(text string, days int) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, fail.New(fail.BadRequest, "Write the day as in 2026-11-01.")
	}
	day = day.AddDate(0, 0, days)
	return &day, nil
}

// auditPage lists what was done in the installation, the newest first.
func (s *server) auditPage(c *echo.Context) error {
	f, err := s.logSearchOf(c)
	if err != nil {
		return err
	}
	var rows []oversight.Entry
	if err := s.DB.CentralRead(c.Request().Context(), oversight.LogQ(&rows, f.LogFilter, attentionPage+1)); err != nil {
		return err
	}
	p := views.ConsoleList{Title: "Audit log", Text: "What operators, resellers and the program itself did to shops and to the installation. Times are in UTC.", Path: "/admin/audit", SearchLabel: "Who", Query: f.at.Get("q"),
		Filtered: len(f.at) > 0, CSV: pathWith("/admin/audit.csv", f.at), Columns: []views.Column{{Label: "When"}, {Label: "Who"}, {Label: "What"}, {Label: "Shop"}, {Label: "Detail"}},
		Fields: []views.FieldProps{{Name: "action", Label: "What", Value: f.at.Get("action"), Optional: true, Plain: true, Autocomplete: "off", Placeholder: "tenant.created"},
			{Name: "shop", Label: "Short name of the shop", Value: f.at.Get("shop"), Optional: true, Plain: true, Autocomplete: "off"},
			{Name: "from", Label: "From", Type: "date", Value: f.at.Get("from"), Optional: true, Plain: true}, {Name: "to", Label: "To", Type: "date", Value: f.at.Get("to"), Optional: true, Plain: true}},
		Empty: views.EmptyProps{Title: "Nothing was done", Text: "No line of the log is like this."}}
	if f.Before > 0 {
		p.First = pathWith("/admin/audit", f.at)
	}
	if len(rows) > attentionPage {
		rows = rows[:attentionPage]
		older := url.Values{"cursor": {strconv.FormatInt(rows[attentionPage-1].ID, 10)}}
		for name := range f.at {
			older.Set(name, f.at.Get(name))
		}
		p.Older = pathWith("/admin/audit", older)
	}
	for _, e := range rows {
		shop := views.ReportCell{Text: "–"}
		if e.TenantID != nil {
			shop.Text = s.shopName(*e.TenantID)
			if t, ok := s.Registry.ByID(*e.TenantID); ok {
				shop.Href = "/admin/resellers/" + t.Slug
			}
		}
		p.Rows = append(p.Rows, views.ConsoleRow{Cells: []views.ReportCell{{Text: e.At.UTC().Format("Jan 2, 2006"), Below: e.At.UTC().Format("15:04:05")}, {Text: e.Actor}, {Text: e.Action, Below: e.Subject}, shop, {Text: detailOf(e.Detail)}}})
	}
	return s.render(c, http.StatusOK, views.ConsoleListPage(s.adminShell(c, "Audit log"), p))
}

// detailOf writes the values of a line in words, in the order of their names.
func detailOf(raw json.RawMessage) string {
	var detail map[string]any
	if json.Unmarshal(raw, &detail) != nil || len(detail) == 0 {
		return "–"
	}
	parts := make([]string, 0, len(detail))
	for name, value := range detail {
		parts = append(parts, fmt.Sprintf("%s %v", strings.ReplaceAll(name, "_", " "), value))
	}
	slices.Sort(parts)
	return strings.Join(parts, " · ")
}

func (s *server) auditCSV(c *echo.Context) error {
	f, err := s.logSearchOf(c)
	if err != nil {
		return err
	}
	head := []string{"id", "at", "actor", "shop", "action", "subject", "detail"}
	return s.streamCSV(c, "audit", head, func(cursor string) ([][]string, string, error) {
		var rows []oversight.Entry
		if err := f.after(cursor); err != nil {
			return nil, "", err
		}
		if err := s.DB.CentralRead(c.Request().Context(), oversight.LogQ(&rows, f.LogFilter, linesOfFile)); err != nil {
			return nil, "", err
		}
		out, next := make([][]string, len(rows)), ""
		for i, e := range rows {
			shop := ""
			if e.TenantID != nil {
				shop = e.TenantID.String()
				if t, ok := s.Registry.ByID(*e.TenantID); ok {
					shop = t.Slug
				}
			}
			out[i] = []string{strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339), e.Actor, shop, e.Action, e.Subject, string(e.Detail)}
		}
		if len(rows) == linesOfFile {
			next = strconv.FormatInt(rows[linesOfFile-1].ID, 10)
		}
		return out, next, nil
	})
}
