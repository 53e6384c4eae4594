package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// write is the letter about one event, or an empty draft when none is due.
func (n *Service) write(ctx context.Context, tx tenants.Tx, m *bus.Message, a about, to person) (draft, error) {
	switch m.Name {
	case "workspace.running", "workspace.failed", "workspace.stopped", "workspace.idle_warning", "workspace.schedule_refused":
		return n.desktopLetter(ctx, tx, m, a, to)
	case "invoice.finalised":
		return n.invoiceLetter(ctx, tx, a, to)
	case "credit_note.issued":
		return n.creditNoteLetter(ctx, tx, a, to)
	case "dunning.reminded", "dunning.warned", "dunning.suspended", "dunning.terminated", "dunning.resumed":
		return n.dunningLetter(ctx, tx, m, to)
	case "account.parked", "account.parked_notice", "account.released":
		return n.parkedLetter(ctx, tx, m, to)
	case "balance.low", "workspace.stop_requested":
		return n.creditLetter(ctx, tx, m, a, to)
	case "payment.succeeded", "payment.failed", "refund.succeeded", "refund.failed", "topup.refused":
		return n.paymentLetter(ctx, tx, m, to)
	case "wholesale.issued", "wholesale.reminder", "wholesale.past_due", "wholesale.suspended", "wholesale.paid":
		return n.wholesaleLetter(ctx, tx, m, to)
	}
	if strings.HasPrefix(m.Name, "domain.") {
		return n.domainLetter(tx, m, to)
	}
	if m.Name == "webhook.switched_off" {
		return n.webhookLetter(tx, m, to)
	}
	if strings.HasPrefix(m.Name, "reseller.") {
		return n.resellerLetter(tx, m, to)
	}
	l, err := n.accountLetter(ctx, tx, m.Name, to)
	if err != nil || l.Subject == "" {
		return draft{}, err
	}
	return draft{fmt.Sprintf("%s:%d", m.Name, m.OutboxID), l}, nil
}

func (n *Service) accountLetter(ctx context.Context, tx tenants.Tx, event string, to person) (l views.Letter, err error) {
	t := tx.Tenant()
	b, link := n.brand(t), func(path string) string { return n.Links(t, path) }
	token := func(path, purpose string) string {
		var raw string
		raw, err = n.Accounts.NewToken(ctx, tx, to.ID, purpose)
		return link(path + raw)
	}
	switch event {
	case "tenant.created":
		l = views.MailWelcome(b, to.Name, to.Email, token("/reset/", "welcome"), link("/reseller"))
	case "user.invited":
		l = views.MailInvited(b, to.Name, to.Email, token("/reset/", "welcome"), link("/reseller"))
	case "user.made_staff":
		l = views.MailMadeStaff(b, to.Name, to.Email, link("/reseller"))
	case "user.registered", "user.verification_requested":
		if to.EmailVerifiedAt != nil {
			return views.Letter{}, nil
		}
		l = views.MailVerify(b, to.Name, token("/verify/", "verify"))
	case "user.register_repeated":
		l = views.MailAccountExists(b, to.Name, link("/sign-in"), link("/forgot"))
	case "user.reset_requested":
		l = views.MailReset(b, to.Name, token("/reset/", "reset"))
	}
	return l, err
}

// desktopLetter: the letter that a desktop is ready goes once for its service,
// not at every start; that it stopped is news only when nobody asked for it.
func (n *Service) desktopLetter(ctx context.Context, tx tenants.Tx, m *bus.Message, a about, to person) (draft, error) {
	if m.Name == "workspace.stopped" && a.By != "host" {
		return draft{}, nil
	}
	d, err := findDesktop(ctx, tx, a.WorkspaceID)
	if err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	page := n.Links(t, "/workspaces/"+a.WorkspaceID.String())
	shown := views.MailDesktop{Plan: d.PlanName, Template: d.TemplateName, Page: page, Launch: page + "/launch", Username: d.Username}
	b, key := n.brand(t), fmt.Sprintf("%s:%d", m.Name, m.OutboxID)
	switch m.Name {
	case "workspace.failed":
		return draft{key, views.MailFailed(b, to.Name, shown, a.Error)}, nil
	case "workspace.stopped":
		return draft{key, views.MailEnded(b, to.Name, shown)}, nil
	case "workspace.schedule_refused":
		return draft{key, views.MailScheduleRefused(b, to.Name, shown, a.Error)}, nil
	case "workspace.idle_warning":
		if !d.Warned || a.StopsAt == nil {
			return draft{}, nil // somebody connected, or it is off
		}
		return draft{key, views.MailIdle(b, to.Name, shown, stopping(*a.StopsAt, d.TimeZone, t.Zone), block(d.BlockSeconds))}, nil
	}
	if len(d.PasswordEncrypted) > 0 {
		plain, err := n.Key.Open(d.PasswordEncrypted, seal.Context(t.ID, seal.DesktopPassword))
		if err != nil {
			return draft{}, fmt.Errorf("the password of desktop %s: %w", a.WorkspaceID, err)
		}
		shown.Password = string(plain)
	}
	return draft{m.Name + ":" + d.ServiceID.String(), views.MailReady(b, to.Name, shown)}, nil
}

// stopping words a time in the zone of the desktop's schedule, since that is where its
// customer lives, else in the shop's.
func stopping(at time.Time, own string, zone *time.Location) string {
	if loc, err := time.LoadLocation(own); err == nil && own != "" {
		zone = loc
	}
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("15:04 on "+day) + " (" + zone.String() + ")"
}

func block(seconds int) string {
	if seconds == 60 {
		return "minute"
	}
	return fmt.Sprintf("%d minutes", seconds/60)
}

const day = "2 January 2006"

// period writes the days from start up to end, which is the first moment after
// it, in the shop's time zone: "1 to 31 October 2026".
func period(start, end time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	first, last := start.In(zone), end.Add(-time.Microsecond).In(zone)
	if last.Before(first) {
		last = first
	}
	sameYear, sameMonth := first.Year() == last.Year(), first.Month() == last.Month()
	switch {
	case sameYear && sameMonth && first.Day() == last.Day():
		return last.Format(day)
	case sameYear && sameMonth:
		return first.Format("2") + " to " + last.Format(day)
	case sameYear:
		return first.Format("2 January") + " to " + last.Format(day)
	}
	return first.Format(day) + " to " + last.Format(day)
}

// person is whom a letter goes to.
type person struct {
	ID              uuid.UUID
	Email           string
	Name            string
	EmailVerifiedAt *time.Time
}
