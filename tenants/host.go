package tenants

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

var errHost = errors.New("this is not the name of a host")

// NormalHost is the one spelling of a Host header that tenants are found by:
// small letters, no port, no trailing dot, punycode as it is. Whatever is not one
// plain name with at most one numeric port is an error.
func NormalHost(host string) (string, error) {
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || len(port) > 5 || port[0] == '+' {
			return "", errHost
		}
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > 253 || !ascii(name) {
		return "", errHost
	}
	name = strings.ToLower(name)
	for label := range strings.SplitSeq(name, ".") {
		if !plainLabel(label) {
			return "", errHost
		}
	}
	return name, nil
}

// ascii comes before folding case: some letters of other scripts fold to ASCII.
func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func plainLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// normalDomain turns what a reseller typed as its domain into the form that is
// kept, or gives the sentence that says why it cannot be used.
func (db *DB) normalDomain(typed string) (domain, problem string) {
	punycode, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.TrimSpace(typed), "."))
	if err == nil && strings.Contains(punycode, ":") {
		err = errHost
	}
	if err == nil {
		domain, err = NormalHost(punycode)
	}
	if err != nil {
		return "", "This is not a domain name. It should look like shop.example.com."
	}
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	_, notAddress := netip.ParseAddr(domain)
	switch {
	case notAddress == nil || strings.Trim(last, "0123456789") == "":
		return "", "An address of digits cannot be a shop's domain. Use a name such as shop.example.com."
	case within(domain, "localhost"):
		return "", "Names under localhost exist on one machine only. Use a name such as shop.example.com."
	case within(domain, db.domain), within(db.domain, domain), db.isEdge(domain):
		return "", "This name belongs to the platform. Use a domain of your own."
	case !strings.Contains(domain, "."):
		return "", "This is not a full domain name. It should look like shop.example.com."
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return "", "Everybody may register names under this one, so it cannot be a shop's own. Use a name below it."
	}
	return domain, ""
}

// isEdge says whether a name is that of the edge, or lies above or below it.
func (db *DB) isEdge(domain string) bool {
	edge := db.cfg.EdgeHost
	return edge != "" && (within(domain, edge) || within(edge, domain))
}

// within says whether domain is parent, or lies below it.
func within(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}
