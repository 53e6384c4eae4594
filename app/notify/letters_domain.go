package notify

import (
	"cmp"
	"context"
	"fmt"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnDomain writes the provider's letters to a reseller's owner about names that no
// longer point at us: domain.lapsed and domain.released.
func (n *Service) OnDomain(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

func (n *Service) domainLetter(tx tenants.Tx, m *bus.Message, to person) (draft, error) {
	var a struct {
		Domain    string `json:"domain"`
		Reason    string `json:"reason"`
		ReleaseOn string `json:"release_on"`
	}
	if err := m.Decode(&a); err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	b, link := n.brand(t), n.Links(t, "/reseller/domains")
	if house, ok := n.DB.Registry().House(); ok { // it is the provider who writes, and whose host still answers
		b, link = n.brand(house), n.Links(house, "/reseller/domains")
	}
	d := views.MailDomain{Shop: cmp.Or(t.Branding.CompanyName, t.Name), Domain: a.Domain, Reason: a.Reason, ReleaseOn: a.ReleaseOn, Link: link}
	letter := views.MailDomainLapsed(b, to.Name, d)
	if m.Name == "domain.released" {
		letter = views.MailDomainReleased(b, to.Name, d)
	}
	return draft{fmt.Sprintf("%s:%d", m.Name, m.OutboxID), letter}, nil
}
