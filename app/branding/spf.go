package branding

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

var (
	errSPF     = errors.New("the SPF record cannot be evaluated")
	errManySPF = errors.New("there are several SPF records")
)

// maxSPFAsks is how many names a record may make the reader ask (RFC 7208, 4.6.4).
const maxSPFAsks = 10

// spfReader evaluates SPF records for the addresses that our letters leave from.
type spfReader struct {
	dns   DNS
	relay Relay
	asked int
}

// record is the one SPF record of a domain, empty when it has none.
func (s *spfReader) record(ctx context.Context, domain string) (found string, err error) {
	texts, err := s.dns.TXT(ctx, domain)
	if err != nil {
		return "", err
	}
	for _, text := range texts {
		if text = strings.TrimSpace(text); strings.EqualFold(text, "v=spf1") || len(text) > 6 && strings.EqualFold(text[:7], "v=spf1 ") {
			if found != "" {
				return "", errManySPF
			}
			found = text
		}
	}
	return found, nil
}

// passes says whether every address of ours passes. While nobody knows these
// addresses, a record passes that does not refuse everybody and that names somebody.
func (s *spfReader) passes(ctx context.Context, domain, text string) (bool, error) {
	if len(s.relay.Addrs) == 0 {
		return namesSomebody(text), nil
	}
	for _, addr := range s.relay.Addrs {
		s.asked = 0
		if verdict, err := s.check(ctx, domain, text, addr); err != nil || verdict != '+' {
			return false, err
		}
	}
	return true, nil
}

func namesSomebody(text string) bool {
	for _, term := range strings.Fields(text)[1:] {
		if term[0] != '-' && term[0] != '~' && term[0] != '?' && !strings.HasSuffix(strings.ToLower(term), "all") {
			return true
		}
	}
	return false
}

// check is the qualifier of the first mechanism that matches: + pass, - fail,
// ~ softfail, ? neutral.
func (s *spfReader) check(ctx context.Context, domain, text string, addr netip.Addr) (byte, error) {
	redirect := ""
	for _, term := range strings.Fields(text)[1:] {
		term = strings.ToLower(term)
		if to, found := strings.CutPrefix(term, "redirect="); found {
			redirect = to
			continue
		}
		if strings.Contains(term, "=") && !strings.ContainsAny(term[:strings.IndexByte(term, '=')], ":/") {
			continue // another modifier
		}
		verdict := byte('+')
		if strings.IndexByte("+-~?", term[0]) >= 0 {
			verdict, term = term[0], term[1:]
		}
		match, err := s.matches(ctx, domain, term, addr)
		if err != nil {
			return '?', err
		}
		if match {
			return verdict, nil
		}
	}
	if redirect == "" {
		return '?', nil
	}
	return s.of(ctx, redirect, addr)
}

// of is the verdict of another domain's record.
func (s *spfReader) of(ctx context.Context, domain string, addr netip.Addr) (byte, error) {
	if err := s.ask(); err != nil {
		return '?', err
	}
	text, err := s.record(ctx, domain)
	if errors.Is(err, errManySPF) || err == nil && text == "" {
		return '?', errSPF
	}
	if err != nil {
		return '?', err
	}
	return s.check(ctx, domain, text, addr)
}

func (s *spfReader) ask() error {
	if s.asked++; s.asked > maxSPFAsks {
		return errSPF
	}
	return nil
}

func (s *spfReader) matches(ctx context.Context, domain, term string, addr netip.Addr) (bool, error) {
	name, value, _ := strings.Cut(term, ":")
	if strings.Contains(term, "%") {
		return false, nil // macros speak of the visitor, of whom there is none yet
	}
	plain, _, _ := strings.Cut(name, "/")
	switch plain {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return within4or6(value, addr)
	case "include":
		verdict, err := s.of(ctx, value, addr)
		return verdict == '+', err
	case "a", "mx":
		host, _, _ := strings.Cut(value, "/")
		if host == "" {
			host = domain
		}
		return s.among(ctx, plain, host, strings.TrimPrefix(term, plain), addr)
	case "exists", "ptr":
		return false, s.ask()
	}
	return false, errSPF
}

func within4or6(value string, addr netip.Addr) (bool, error) {
	if one, err := netip.ParseAddr(value); err == nil {
		return one == addr, nil
	}
	network, err := netip.ParsePrefix(value)
	if err != nil {
		return false, errSPF
	}
	return network.Contains(addr), nil
}

// among says whether addr is one of a host's, or of its mail servers', each widened
// to the length that the term ends with.
func (s *spfReader) among(ctx context.Context, kind, host, rest string, addr netip.Addr) (bool, error) {
	if err := s.ask(); err != nil {
		return false, err
	}
	hosts := []string{host}
	if kind == "mx" {
		found, err := s.dns.MX(ctx, host)
		if err != nil {
			return false, err
		}
		hosts = found[:min(len(found), maxSPFAsks)]
	}
	for _, h := range hosts {
		addrs, err := s.dns.Addrs(ctx, h)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a == addr || near(a, addr, rest) }) {
			return true, nil
		}
	}
	return false, nil
}

func near(a, addr netip.Addr, rest string) bool {
	_, length, found := strings.Cut(rest, "/")
	if !found || a.Is4() != addr.Is4() {
		return false
	}
	length, six, _ := strings.Cut(length, "//")
	if a.Is6() {
		length = six
	}
	network, err := netip.ParsePrefix(a.String() + "/" + length)
	return err == nil && network.Contains(addr)
}
