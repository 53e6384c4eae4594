package branding

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// DNS answers questions about names. A record that is not there is no error.
type DNS interface {
	TXT(ctx context.Context, name string) ([]string, error)
	Addrs(ctx context.Context, name string) ([]netip.Addr, error)
	MX(ctx context.Context, name string) ([]string, error)
}

// The states of an address that letters should come from.
const (
	MailReady   = "ready"   // letters go from it
	MailWaiting = "waiting" // they go from the installation's address, with this one to reply to
)

// Record is one line of a domain's settings for mail, as it was found.
type Record struct {
	Kind string // SPF, DKIM, DMARC
	Name string // where it stands
	Good bool
	Says string // what was found, one sentence
	Want string // what to write there; empty when it is good
}

// Sender says whether a domain lets this installation send its mail.
type Sender struct {
	Domain  string
	Ready   bool
	Records []Record
}

// Relay is how the installation sends: the addresses its letters leave from, which
// are empty while nobody knows them, and the name that a domain can refer to.
type Relay struct {
	Addrs []netip.Addr
	Name  string // for "include:" or "a:" in SPF
}

// domainOf is the part of an address behind the @.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return strings.ToLower(domain)
}

// CheckSender asks the name system what the domain of address says about who may
// send its mail: SPF (RFC 7208), DKIM (RFC 6376) with the given selector, DMARC
// (RFC 7489). It is ready when SPF lets our letters pass; the others are advice,
// because the mail server that signs is the provider's own. An error says that the
// name servers did not answer.
func CheckSender(ctx context.Context, dns DNS, relay Relay, address, selector string) (Sender, error) {
	s := Sender{Domain: domainOf(address)}
	spf, err := checkSPF(ctx, dns, relay, s.Domain)
	if err != nil {
		return s, err
	}
	dkim, err := checkDKIM(ctx, dns, s.Domain, selector)
	if err != nil {
		return s, err
	}
	dmarc, err := checkDMARC(ctx, dns, s.Domain)
	if err != nil {
		return s, err
	}
	s.Ready, s.Records = spf.Good, []Record{spf, dkim, dmarc}
	return s, nil
}

func checkSPF(ctx context.Context, dns DNS, relay Relay, domain string) (Record, error) {
	r := Record{Kind: "SPF", Name: domain, Want: "v=spf1 a:" + relay.Name + " ~all"}
	reader := &spfReader{dns: dns, relay: relay}
	text, err := reader.record(ctx, domain)
	switch {
	case errors.Is(err, errManySPF):
		r.Says = "There are several SPF records, which counts as none. Keep one."
		return r, nil
	case err != nil:
		return r, err
	case text == "":
		r.Says = "There is no SPF record, so mail from this domain would be taken for forged."
		return r, nil
	}
	r.Want = strings.Replace(text, "v=spf1", "v=spf1 a:"+relay.Name, 1)
	pass, err := reader.passes(ctx, domain, text)
	switch {
	case errors.Is(err, errSPF):
		r.Says = "The SPF record cannot be read: it has a mistake or asks for too much."
	case err != nil:
		return r, err
	case !pass:
		r.Says = "The SPF record does not let our mail server send."
	default:
		r.Good, r.Want, r.Says = true, "", "The SPF record lets our mail server send."
	}
	return r, nil
}

func checkDKIM(ctx context.Context, dns DNS, domain, selector string) (Record, error) {
	for _, s := range selectorsOf(selector) {
		r := Record{Kind: "DKIM", Name: s + "._domainkey." + domain}
		texts, err := dns.TXT(ctx, r.Name)
		if err != nil {
			return r, err
		}
		for _, text := range texts {
			if key, found := tagOf(text, "p"); found && key != "" {
				r.Good, r.Says = true, "The key for signatures is there."
				return r, nil
			}
		}
	}
	return Record{Kind: "DKIM", Name: selectorsOf(selector)[0] + "._domainkey." + domain,
		Says: "No key for signatures was found. Letters arrive without, but some count it against them.", Want: "the key that your mail service shows you"}, nil
}

// selectorsOf are the names to look under: the given one, or what is usual.
func selectorsOf(selector string) []string {
	if selector != "" {
		return []string{selector}
	}
	return []string{"default", "mail", "dkim", "s1", "k1"}
}

func checkDMARC(ctx context.Context, dns DNS, domain string) (Record, error) {
	r := Record{Kind: "DMARC", Name: "_dmarc." + domain, Want: "v=DMARC1; p=none", Says: "There is no DMARC record. Large mail services ask for one."}
	texts, err := dns.TXT(ctx, r.Name)
	if err != nil {
		return r, err
	}
	for _, text := range texts {
		version, _ := tagOf(text, "v")
		policy, _ := tagOf(text, "p")
		if version == "DMARC1" && slices.Contains([]string{"none", "quarantine", "reject"}, strings.ToLower(policy)) {
			r.Good, r.Want, r.Says = true, "", "The DMARC record asks for "+strings.ToLower(policy)+"."
			return r, nil
		}
		if version == "DMARC1" {
			r.Says = "The DMARC record has no policy that is known."
		}
	}
	return r, nil
}

// tagOf reads one tag of a list such as "v=DMARC1; p=none".
func tagOf(text, name string) (string, bool) {
	for _, part := range strings.Split(text, ";") {
		if key, value, found := strings.Cut(part, "="); found && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
