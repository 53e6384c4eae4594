package web

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/workspaces"
)

// Why a desktop's own web server was not believed.
var (
	errPin      = errors.New("the desktop shows another certificate than its host told of")
	errPassword = errors.New("the desktop does not take the password that its host told of")
	errAstray   = errors.New("the desktop sends its visitors elsewhere")
	errProtocol = errors.New("the desktop changes to a protocol that nobody asked for")
)

// How patient the proxy is with a desktop that does not answer. What has begun to
// answer may go on for as long as it likes.
const (
	dialWithin   = 5 * time.Second
	answerWithin = 30 * time.Second
)

// transportTo speaks with one desktop alone, so that no connection is ever used
// again for another that listens where this one did.
func transportTo(u workspaces.Upstream) *http.Transport {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialWithin, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: answerWithin, IdleConnTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 64 << 10,
		DisableCompression: true, // bytes pass as they are
	}
	// The certificate is made by the desktop for itself, so no authority vouches for
	// it: the one that its host told of is believed, and no other.
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: func(c tls.ConnectionState) error {
		return pinned(c.PeerCertificates, u.Certificate)
	}}
	return t
}

func pinned(shown []*x509.Certificate, want [sha256.Size]byte) error {
	if want == ([sha256.Size]byte{}) || len(shown) == 0 || sha256.Sum256(shown[0].Raw) != want {
		return errPin
	}
	return nil
}

// crossing is one request on its way to a desktop and back.
type crossing struct {
	route   route
	target  *url.URL
	path    string      // at the desktop, cleaned
	prefix  string      // ours, such as /desktop/<id>
	origin  string      // the shop's, such as https://acme.example
	visitor string      // IP address
	ours    http.Header // what every answer of ours carries
	policy  string      // of this answer
	saved   bool        // the answer is a file to keep, not a page to show
	socket  bool        // a websocket was asked for
	opened  bool        // and it was opened: nothing can be answered any more
	err     error       // why there is no answer
}

type crossingKey struct{}

func crossingOf(ctx context.Context) *crossing {
	x, _ := ctx.Value(crossingKey{}).(*crossing)
	return x
}

// newProxy makes the one proxy of all desktops; the crossing says which it is.
func newProxy(log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: outbound, Transport: crossings{}, ModifyResponse: inbound, FlushInterval: -1, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) { crossingOf(r.Context()).err = err },
	}
}

// crossings sends each request to its own desktop.
type crossings struct{}

// RoundTrip hides from the desktop's interim answers (RFC 9110 §15.2), such as
// early hints: they would reach the browser before anything of ours is said.
func (crossings) RoundTrip(r *http.Request) (*http.Response, error) {
	outer := r.Context()
	ctx, cancel := context.WithCancel(context.Background()) // without the proxy's ear for interim answers
	context.AfterFunc(outer, cancel)
	res, err := crossingOf(outer).route.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	res.Request = r
	return res, nil
}

// passedOn are the headers of a visitor that a desktop may see: what the content
// is about, nothing about who asks.
var passedOn = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
	"If-Unmodified-Since", "Pragma", "Range", "User-Agent", "Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions"}

// outbound turns a visitor's request into ours, with the desktop's password.
func outbound(p *httputil.ProxyRequest) {
	x := crossingOf(p.In.Context())
	kept := only(p.Out.Header, passedOn)
	if x.socket {
		kept.Set("Origin", x.target.Scheme+"://"+x.target.Host)
	}
	p.Out.Header = kept
	p.Out.SetBasicAuth(x.route.upstream.Username, x.route.upstream.Password)
	kept.Set("X-Forwarded-For", x.visitor)
	p.Out.Host = ""
	p.Out.URL = &url.URL{Scheme: x.target.Scheme, Host: x.target.Host, Path: strings.TrimSuffix(x.target.Path, "/") + x.path, RawQuery: p.Out.URL.RawQuery}
}

// passedBack are the headers of a desktop that a browser may see. Everything by
// which an answer would reach beyond itself is left out: cookies, policies, hints,
// reports, workers' scopes, questions for a password.
var passedBack = []string{"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type", "Date", "Etag",
	"Last-Modified", "Retry-After", "Allow", "Connection", "Upgrade", "Sec-Websocket-Accept", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions"}

// inbound turns a desktop's answer into ours.
func inbound(res *http.Response) error {
	x := crossingOf(res.Request.Context())
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusProxyAuthRequired {
		return errPassword
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		if x.opened = x.socket && strings.EqualFold(res.Header.Get("Upgrade"), "websocket"); !x.opened {
			return errProtocol
		}
	}
	location, err := x.back(res)
	if err != nil {
		return err
	}
	h := only(res.Header, passedBack)
	if location != "" {
		h.Set("Location", location)
	}
	for name, values := range x.ours {
		h[name] = values
	}
	h.Set("Content-Security-Policy", x.policy)
	h.Set("Cache-Control", "private, no-cache")
	// A page cannot both be sandboxed and ask for a browsing context group of its
	// own: browsers show an error instead (HTML, "cross-origin opener policies").
	h.Del("Cross-Origin-Opener-Policy")
	if x.saved {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", attachment(x.path))
		h.Set("Cache-Control", "no-store")
	}
	res.Header, res.Trailer = h, nil
	return nil
}

// back leads a redirect of the desktop's to its place behind our prefix. One that
// leads elsewhere is refused: content policies do not look at the path of where a
// redirect ends, so it would be a way out to the shop's own pages.
func (x *crossing) back(res *http.Response) (string, error) {
	location := res.Header.Get("Location")
	if location == "" {
		return "", nil
	}
	to, err := (&url.URL{Scheme: x.target.Scheme, Host: x.target.Host, Path: x.path}).Parse(location)
	if err != nil || to.Scheme != x.target.Scheme || to.Host != x.target.Host || to.User != nil {
		return "", errAstray
	}
	inside := (&url.URL{Path: x.prefix + cleaned(to.Path), RawQuery: to.RawQuery, Fragment: to.Fragment}).String()
	return inside, nil
}

func only(h http.Header, names []string) http.Header {
	kept := make(http.Header, len(names))
	for _, name := range names {
		if values := h[name]; len(values) > 0 {
			kept[name] = values
		}
	}
	return kept
}

// cleaned is a path without steps back, doubled slashes and the like; the slash at
// its end stays.
func cleaned(p string) string {
	clean := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}
