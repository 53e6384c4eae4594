package webhooks

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// errNotPublic says that a name leads to where we must not call.
var errNotPublic = errors.New("the address is not a public one")

// closedNets are addresses that are not private by name and yet nobody's on the
// internet, or that lead to others: RFC 6890 and its registries, shared space
// (RFC 6598), NAT64 (RFC 6052, 8215), 6to4 and Teredo.
func closedNets() []netip.Prefix {
	var nets []netip.Prefix
	for _, text := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"} {
		nets = append(nets, netip.MustParsePrefix(text))
	}
	return nets
}

// public is true for addresses of the internet at large.
func public(a netip.Addr) bool {
	if a = a.Unmap(); !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, net := range closedNets() {
		if net.Contains(a) {
			return false
		}
	}
	return true
}

// admit is asked with the resolved address just before each connection, so that a name
// that led elsewhere a moment ago is no way in.
func (s *Service) admit(_, address string, _ syscall.RawConn) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return errNotPublic
	}
	if public(host.Addr()) || s.Loopback && host.Addr().Unmap().IsLoopback() {
		return nil
	}
	return errNotPublic
}

// checkURL gives a sentence when messages cannot be sent to an address. Names are
// looked at again whenever one is called.
func (s *Service) checkURL(text string) (clean, sentence string) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "", "Enter a whole address such as https://example.com/hooks."
	case len(u.String()) > longestURL:
		return "", "Use an address of at most " + strconv.Itoa(longestURL) + " characters."
	case u.User != nil:
		return "", "Leave the name and password out of the address; check the signature instead."
	case u.Fragment != "":
		return "", "Leave out the part after #."
	case port(u) == 0:
		return "", "The port has to be from 1 to 65535."
	}
	home := s.Loopback && onThisMachine(u.Hostname())
	if u.Scheme != "https" && (!home || u.Scheme != "http") {
		return "", "The address has to begin with https://."
	}
	if !home && !mayBePublic(u.Hostname()) {
		return "", "The address has to be a public one on the internet."
	}
	return u.String(), ""
}

func port(u *url.URL) int {
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0
		}
		return 443
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// mayBePublic refuses what is plainly not: addresses by number that are not public,
// numbers written in other ways, and names without a dot or of no public zone.
func mayBePublic(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return public(addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	last := name[strings.LastIndexByte(name, '.')+1:]
	switch last {
	case "", name, "localhost", "local", "internal", "lan", "home", "corp", "invalid", "test", "example", "onion":
		return false
	}
	return net.ParseIP(name) == nil && strings.IndexByte("0123456789", last[0]) < 0
}
