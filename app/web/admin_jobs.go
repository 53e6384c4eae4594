package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/views"
)

// Lines of the page of jobs.
const (
	timersListed  = 50
	lettersListed = 50
)

// jobsPage shows what waits, what runs when, and what was given up.
func (s *server) jobsPage(c *echo.Context) error {
	ctx, now := c.Request().Context(), s.Clock.Now()
	kind := cleanText(c.QueryParam("kind"))
	var kinds []bus.TimerKind
	var timers []bus.Timer
	if err := s.DB.CentralRead(ctx, bus.TimerKindsQ(&kinds, now), bus.TimersQ(&timers, kind, timersListed)); err != nil {
		return err
	}
	stats, err := s.Bus.Stats(ctx)
	if err != nil {
		return err
	}
	letters, err := s.Bus.DeadLetters(ctx, true, lettersListed)
	if err != nil {
		return err
	}
	page := views.Jobs{Kind: kind, Kinds: []views.Option{{Value: "", Label: "All"}}, Sections: []views.ReportSection{queueSection(stats), s.lagSection(c), timerSection(kinds)}}
	for _, k := range kinds {
		page.Kinds = append(page.Kinds, views.Option{Value: k.Kind, Label: k.Kind})
	}
	for _, d := range letters {
		id := strconv.FormatInt(d.ID, 10)
		page.Letters = append(page.Letters, views.LetterRow{DeadLetterRow: s.letterRow(d), ID: id, Discard: "/admin/dead-letters/" + id + "/discard"})
	}
	for _, t := range timers {
		page.Timers = append(page.Timers, s.timerRow(t))
	}
	return s.render(c, http.StatusOK, views.JobsPage(s.adminShell(c, "Jobs and timers"), page))
}

func queueSection(b bus.Stats) views.ReportSection {
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	return views.ReportSection{Title: "Events", Facts: []views.Item{{Term: "Not sent yet", Text: count(b.Unpublished)}, {Term: "Not finished by everybody", Text: count(b.Undone)},
		{Term: "Oldest unfinished", Text: strconv.FormatFloat(b.OldestSeconds, 'f', 0, 64) + " seconds"}, {Term: "Timers more than a minute late", Text: count(b.DueLate)}, {Term: "Given up", Text: count(b.DeadLetters)}}}
}

// lagSection says how far each part of the program is behind. A stream that does
// not answer is said, because the page is looked at when something is wrong.
func (s *server) lagSection(c *echo.Context) views.ReportSection {
	section := views.ReportSection{Title: "Consumers", Empty: "Every consumer is up to date.",
		Columns: []views.Column{{Label: "Consumer"}, {Label: "Waiting", End: true}, {Label: "In work", End: true}, {Label: "Given again", End: true}}}
	lags, err := s.Bus.Lags(c.Request().Context())
	if err != nil {
		section.Empty = sentence(err)
		return section
	}
	section.Text = views.CountOf(len(lags), "consumer") + "; those with nothing to do are left out."
	for _, l := range lags {
		if l.Waiting > 0 || l.Open > 0 || l.Again > 0 {
			section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: l.Consumer}, {Text: strconv.FormatUint(l.Waiting, 10)}, {Text: strconv.Itoa(l.Open)}, {Text: strconv.Itoa(l.Again)}}})
		}
	}
	return section
}

func timerSection(kinds []bus.TimerKind) views.ReportSection {
	section := views.ReportSection{Title: "Timers by kind", Empty: "No timer waits.",
		Columns: []views.Column{{Label: "Kind"}, {Label: "Waiting", End: true}, {Label: "Overdue", End: true}, {Label: "Failing", End: true}, {Label: "Next"}}}
	for _, k := range kinds {
		section.Rows = append(section.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: k.Kind, Href: "/admin/jobs?kind=" + url.QueryEscape(k.Kind) + "#timers"}, {Text: strconv.Itoa(k.N)},
			{Text: strconv.Itoa(k.Overdue)}, {Text: strconv.Itoa(k.Failing)}, {Text: whenUTC(k.Next)}}})
	}
	return section
}

func (s *server) timerRow(t bus.Timer) views.ConsoleRow {
	row := views.ConsoleRow{Cells: []views.ReportCell{{Text: t.Kind, Below: t.Key}, {Text: s.shopName(t.TenantID)}, {Text: whenUTC(t.DueAt)}, {Text: strconv.Itoa(t.Failures)}}}
	shop, ok := s.Registry.ByID(t.TenantID)
	if !ok || !bus.Hurries(t.Kind) {
		return row
	}
	at := url.Values{"key": {t.Key}}
	row.Action = &views.FormProps{Action: "/admin/timers/" + shop.Slug + "/" + url.PathEscape(t.Kind) + "?" + at.Encode()}
	row.Button = views.ButtonProps{Label: "Run now", Small: true, Describe: "Run now: " + t.Kind + " of " + shop.Name}
	return row
}

// hurryTimer runs a timer before its time, where that can do no harm.
func (s *server) hurryTimer(c *echo.Context) error {
	t, ok := s.Registry.BySlug(c.Param("shop"))
	if !ok {
		return fail.Missing("shop")
	}
	return s.acted(c, "/admin/jobs", "It runs now.", s.Bus.Hurry(c.Request().Context(), t, c.Param("kind"), cleanText(c.QueryParam("key")), visitOf(c).operator.Email))
}

// discardDeadLetter puts failed work aside.
func (s *server) discardDeadLetter(c *echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fail.Missing("message")
	}
	return s.acted(c, "/admin/jobs", "It is put aside.", s.Bus.DiscardDeadLetter(c.Request().Context(), id, visitOf(c).operator.Email))
}

// acted goes back to a page with what came of something; what was in the way of it
// is said there too.
func (s *server) acted(c *echo.Context, back, done string, err error) error {
	switch {
	case fail.Is(err, fail.Conflict):
		putNotice(c, s.doors.admin, views.ToneWarn, err.Error())
	case err != nil:
		return err
	default:
		putNotice(c, s.doors.admin, views.ToneGood, done)
	}
	return seeOther(c, back)
}
