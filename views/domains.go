package views

import (
	"strings"

	"github.com/ezscale/ezscale/app/domains"
)

// Domains is the page of a shop's own names.
type Domains struct {
	Form  TermsForm
	Cards []DomainCard
	Hosts string // where the shop answers without any
}

// DomainCard is one name with what is known about it.
type DomainCard struct {
	domains.Domain
	Stands    string // as State words it
	Target    string // what its CNAME has to say
	Addresses []string
	HTTPS     bool
	Checked   string // when it was last looked at, written out; "" never
	Expires   string // when the claim ends, or a lapsed name is given up
	Certified string // about the certificate's past, "" without one
	Wrong     string // what the last button met
}

func (d DomainCard) path(step string) string {
	path := "/reseller/domains/" + d.ID.String()
	if step == "" {
		return path
	}
	return path + "/" + step
}

func (d DomainCard) id() string { return "domain-" + d.ID.String() }

// live redraws the steps while something is about to happen. The address says how the
// name stood, so that the whole page is fetched when that changes.
func (d DomainCard) live() Live {
	l := Live{ID: d.id() + "-steps", URL: d.path("") + "?was=" + d.Stands}
	if !d.Live() {
		l.Poll = 4
	}
	return l
}

// title is the name as people write it.
func (d DomainCard) title() string { return or(d.Unicode(), d.Domain.Domain.Domain) }

func (d DomainCard) proven() bool { return d.VerifiedAt != nil }

// records says whether the page shows what to write into the name's zone.
func (d DomainCard) records() bool {
	vouched := d.Proof != nil && *d.Proof == "operator"
	return !d.proven() || d.LapsedAt != nil || vouched && !d.Live()
}

// retry offers another order of a certificate.
func (d DomainCard) retry() bool {
	return d.HTTPS && d.proven() && d.SSLStatus != "active"
}

func (d DomainCard) state() State {
	states := map[string]State{"pending": {"Waiting for its proof", ToneInfo, true}, "verified": {"Waiting for its certificate", ToneInfo, true},
		"active": {"Live", ToneGood, false}, "failed": {"No certificate", ToneBad, false}, "lapsed": {"Leads elsewhere", ToneWarn, false}}
	return states[d.Stands]
}

// steps are the steps as Steps draws them; before the first look they all wait.
func (d DomainCard) steps() []Step {
	titles := []struct{ name, title string }{{"owner", "It is yours"}, {"address", "It leads to us"}, {"caa", "Certificates are allowed"}, {"http", "Visitors reach us"},
		{"certificate", "Certificate"}, {"redirect", "http leads to https"}, {"hsts", "Browsers stay with https"}}
	out := make([]Step, 0, len(titles))
	now := false
	for _, t := range titles {
		s := Step{Title: t.title, Text: "Not looked at yet."}
		for _, found := range d.Steps {
			if found.Name != t.name {
				continue
			}
			s.Text = found.Sentence
			s.State = map[string]string{domains.Good: "done", domains.Bad: "failed", domains.Off: "", domains.Waiting: ""}[found.State]
			if found.State == domains.Waiting && !now {
				s.State, now = "now", true
			}
		}
		out = append(out, s)
	}
	return out
}

// aRecords are the addresses of our edge.
func (d DomainCard) aRecords() string { return strings.Join(d.Addresses, ", ") }

// below is the name as it is kept, where that is not how people write it.
func (d DomainCard) below() string {
	if d.Unicode() == "" {
		return ""
	}
	return "As machines write it: " + d.Domain.Domain.Domain
}

func (d DomainCard) checkKind() Kind {
	if d.proven() {
		return Plain
	}
	return Primary
}

func (d DomainCard) addressLabel() string {
	if len(d.Addresses) == 0 {
		return "ALIAS or ANAME record for"
	}
	return "A or AAAA record for"
}

func (d DomainCard) addressHint() string {
	if len(d.Addresses) > 1 {
		return "One record for each address, and no others."
	}
	return "And no others."
}
