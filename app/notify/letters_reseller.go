package notify

import (
	"cmp"
	"context"
	"fmt"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnReseller writes the provider's letters to a reseller's owner about the life of
// the shop: reseller.trial_set, reseller.trial_ending, reseller.trial_ended,
// reseller.suspended, reseller.resumed, reseller.closing, reseller.released and
// reseller.removal_near.
func (n *Service) OnReseller(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

func (n *Service) resellerLetter(tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		Reason    string `json:"reason"`
		Cause     string `json:"cause"`
		Status    string `json:"status"`
		TrialEnds string `json:"trial_ends"`
		Days      int    `json:"days"`
		ReleaseOn string `json:"release_on"`
		RemoveOn  string `json:"remove_on"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	b, link := n.brand(t), func(path string) string { return n.Links(t, path) }
	if house, ok := n.DB.Registry().House(); ok { // it is the provider who writes, and whose host still answers
		b, link = n.brand(house), func(path string) string { return n.Links(house, path) }
	}
	r := views.MailReseller{Shop: cmp.Or(t.Branding.CompanyName, t.Name), Reason: a.Reason, TrialEnds: a.TrialEnds, Days: a.Days, ReleaseOn: a.ReleaseOn, RemoveOn: a.RemoveOn,
		Console: link("/reseller"), Owed: link("/reseller/wholesale"), Export: link("/reseller/export")}
	letter, ok := resellerForm(m.Name, a.Cause, a.Status, b, to.Name, r)
	if !ok {
		return draft{}, nil
	}
	return draft{fmt.Sprintf("%s:%d", m.Name, m.OutboxID), letter}, nil
}

// resellerForm is false where another letter says it: one about the unpaid invoice
// itself, or about the end of the trial.
func resellerForm(event, cause, status string, b views.MailBrand, name string, r views.MailReseller) (views.Letter, bool) {
	switch event {
	case "reseller.trial_set":
		return views.MailTrialSet(b, name, r), true
	case "reseller.trial_ending":
		return views.MailTrialEnding(b, name, r), true
	case "reseller.trial_ended":
		if status == string(tenants.Suspended) {
			return views.MailTrialOver(b, name, r), true
		}
		return views.MailTrialBecame(b, name, r), true
	case "reseller.suspended":
		return views.MailResellerSuspended(b, name, r), cause == tenants.ForOperator
	case "reseller.resumed":
		return views.MailResellerResumed(b, name, r), true
	case "reseller.closing":
		return views.MailResellerClosing(b, name, r), true
	case "reseller.released":
		return views.MailResellerReleased(b, name, r), true
	case "reseller.removal_near":
		return views.MailResellerRemoval(b, name, r), true
	}
	return views.Letter{}, false
}
