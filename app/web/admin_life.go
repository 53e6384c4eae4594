package web

import (
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// lifeSections are the forms that lead a reseller from one standing to the next, as
// far as its own allows them.
func lifeSections(t tenants.Tenant, paysByInvoice bool, now time.Time) (sections []views.ReportSection) {
	if t.House || t.DroppedAt != nil {
		return nil
	}
	action := func(step string) string { return "/admin/resellers/" + t.Slug + "/" + step }
	export := views.ReportSection{ID: "export", Title: "Take the data along", Text: "Everything that the shop owns in one file, of which another installation makes the same shop. Its log says that you took it.",
		Form: &views.ReportForm{Action: action("export"), Submit: "Download the archive"}}
	if t.Status == tenants.Closed {
		return []views.ReportSection{export}
	}
	// Two forms ask for a reason, so each field has a name of its own to be found by.
	reason := views.FieldProps{Name: "reason", ID: "field-reason-standing", Label: "Reason", MaxLength: "500", Hint: "The owner reads it, and the audit log keeps it."}
	if t.Status.Open() {
		sections = append(sections, views.ReportSection{ID: "suspend", Title: "Suspend", Text: "The shop’s pages close and no desktop starts. Those that run finish the block that is paid. Its people still sign in and pay.",
			Form: &views.ReportForm{Action: action("suspend"), Submit: "Suspend this reseller", Fields: []views.FieldProps{reason}}})
	} else {
		sections = append(sections, views.ReportSection{ID: "resume", Title: "Resume", Text: "The shop opens again at once.",
			Form: &views.ReportForm{Action: action("resume"), Submit: "Resume this reseller", Fields: []views.FieldProps{reason}}})
	}
	ends, pays := "", "no"
	if t.TrialEndsAt != nil && t.TrialEndsAt.After(now) {
		ends = t.TrialEndsAt.UTC().Format(time.DateOnly)
	}
	if paysByInvoice {
		pays = "yes"
	}
	closing := reason
	closing.ID, closing.Hint = "field-reason-close", "The owner reads it, with the dates."
	return append(sections, export, views.ReportSection{ID: "trial", Title: "Trial", Text: "When a trial ends, a reseller that has a way to pay goes on; any other is suspended until it has.",
		Form: &views.ReportForm{Action: action("trial"), Submit: "Save", Fields: []views.FieldProps{{Name: "trial_ends", Label: "Trial ends on", Value: ends, Type: "date", Optional: true, Hint: "Empty: its end stays as it is."}},
			Selects: []views.SelectProps{{Name: "pays_by_invoice", Label: "Pays by bank transfer", Value: pays, Options: []views.Option{{Value: "no", Label: "Not agreed"}, {Value: "yes", Label: "Agreed"}}}}}},
		views.ReportSection{ID: "close", Title: "Close for good", Text: "Its desktops are destroyed at once and its last months are still billed. Its domains are free after 30 days and its data is removed after 90; until then its owner can take it along. This cannot be taken back.",
			Form: &views.ReportForm{Action: action("close"), Submit: "Close this reseller for good", Fields: []views.FieldProps{closing,
				{Name: "confirm", Label: "Type " + t.Slug + " to confirm"}}}})
}

// lifeFacts say where a reseller is in its life.
func lifeFacts(t tenants.Tenant) (facts []views.Item) {
	if t.SuspendedAt != nil {
		facts = append(facts, views.Item{Term: "Suspended since", Text: civilDay(*t.SuspendedAt)})
	}
	if t.ClosedAt == nil {
		return facts
	}
	dates := lifecycle.DatesOf(t)
	facts = append(facts, views.Item{Term: "Closed", Text: civilDay(*t.ClosedAt)})
	released, removed := "on "+civilDay(dates.Release), "on "+civilDay(dates.Remove)
	if t.ReleasedAt != nil {
		released = "done, " + civilDay(*t.ReleasedAt)
	}
	if t.Gone() {
		removed = "done, " + civilDay(*t.DroppedAt)
	}
	return append(facts, views.Item{Term: "Domains released", Text: released}, views.Item{Term: "Data removed", Text: removed})
}

// lifeStep is one of the forms: what it does, and what is said when it did.
type lifeStep struct {
	id string
	do func(c *echo.Context, t tenants.Tenant, actor string, form formValues) (said string, err error)
}

type formValues interface{ Get(string) string }

func (s *server) suspendReseller(c *echo.Context) error {
	return s.live(c, lifeStep{"suspend", func(c *echo.Context, t tenants.Tenant, actor string, form formValues) (string, error) {
		return t.Name + " is suspended.", s.Lifecycle.Suspend(c.Request().Context(), t, lifecycle.Decision{Actor: actor, Reason: form.Get("reason")})
	}})
}

func (s *server) resumeReseller(c *echo.Context) error {
	return s.live(c, lifeStep{"resume", func(c *echo.Context, t tenants.Tenant, actor string, form formValues) (string, error) {
		return t.Name + " is open again.", s.Lifecycle.Resume(c.Request().Context(), t, lifecycle.Decision{Actor: actor, Reason: form.Get("reason")})
	}})
}

func (s *server) closeReseller(c *echo.Context) error {
	return s.live(c, lifeStep{"close", func(c *echo.Context, t tenants.Tenant, actor string, form formValues) (string, error) {
		wrong := fail.Fields{}
		if strings.TrimSpace(form.Get("confirm")) != t.Slug {
			wrong.Add("confirm", "Type %s, so that no other shop is closed by mistake.", t.Slug)
		}
		if strings.TrimSpace(form.Get("reason")) == "" {
			wrong.Add("reason", "Say why, in a sentence; the owner reads it.")
		}
		if err := wrong.Err(); err != nil {
			return "", err
		}
		return t.Name + " is closed.", s.Lifecycle.Close(c.Request().Context(), t, lifecycle.Decision{Actor: actor, Reason: form.Get("reason")})
	}})
}

func (s *server) setResellerTrial(c *echo.Context) error {
	return s.live(c, lifeStep{"trial", func(c *echo.Context, t tenants.Tenant, actor string, form formValues) (string, error) {
		ctx, text := c.Request().Context(), strings.TrimSpace(form.Get("trial_ends"))
		until, err := time.Parse(time.DateOnly, text)
		if text != "" && err != nil {
			return "", fail.Fields{"trial_ends": "Write the day as 2026-12-31."}.Err()
		}
		if text != "" && (t.TrialEndsAt == nil || t.TrialEndsAt.UTC().Format(time.DateOnly) != text) {
			if err := s.Lifecycle.SetTrial(ctx, t, actor, until); err != nil {
				return "", err
			}
		}
		if pays := form.Get("pays_by_invoice"); pays == "yes" || pays == "no" {
			if err := s.Lifecycle.SetPaysByInvoice(ctx, t, actor, pays == "yes"); err != nil {
				return "", err
			}
		}
		return "The trial of " + t.Name + " is set.", nil
	}})
}

// live takes a step, and shows its form again with what was wrong.
func (s *server) live(c *echo.Context, step lifeStep) error {
	t, ok := s.Registry.BySlug(c.Param("slug"))
	if !ok {
		return fail.Missing("shop")
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	said, err := step.do(c, t, visitOf(c).operator.Email, form)
	if err == nil {
		putNotice(c, s.doors.admin, views.ToneGood, said)
		return seeOther(c, "/admin/resellers/"+t.Slug)
	}
	page, failed := s.resellerReport(c, t, nil)
	if failed != nil {
		return failed
	}
	for i := range page.Sections {
		if shown := page.Sections[i].Form; shown != nil && page.Sections[i].ID == step.id {
			shown.Wrong, _ = wrongOf(err)
			for j := range shown.Fields {
				shown.Fields[j].ID = "" // where the list of what is wrong leads to
				shown.Fields[j].Value = form.Get(shown.Fields[j].Name)
			}
			for j := range shown.Selects {
				shown.Selects[j].Value = form.Get(shown.Selects[j].Name)
			}
		}
	}
	return s.again(c, err, func(views.Wrong) templ.Component { return views.ReportPage(s.adminShell(c, t.Name), page) })
}

// standing keeps the people of a shop that may not sell to what they still need:
// to see how it stands and pay, and to take their data along.
func standing(t tenants.Tenant, route string) error {
	if t.Status.Open() || route == "/reseller" {
		return nil
	}
	for _, still := range []string{"/reseller/wholesale", "/reseller/settlement", "/reseller/export"} {
		if route == still || strings.HasPrefix(route, still+"/") {
			return nil
		}
	}
	if t.Status == tenants.Closed {
		return fail.Coded(fail.Forbidden, "shop_closed", "This shop is closed. You can still pay what is owed and take your data with you.")
	}
	return fail.Coded(fail.Forbidden, codeSuspended, "This shop is suspended. You can see what is owed and pay it; everything else waits until it is open again.")
}
