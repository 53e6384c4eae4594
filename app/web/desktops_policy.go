package web

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
)

// A desktop's page comes out of the desktop: out of a machine on which its customer,
// and whatever they caught there, does as it likes. It is shown on the shop's own
// origin, where a page may usually do all that its visitor may do. What keeps it
// from acting for the customer:
//
//   - Every answer of a desktop carries a content policy of ours (deskPolicy), and
//     none of its own headers that could loosen it or reach further. Scripts may
//     load from and speak to /desktop/<id>/ alone, by path; redirects out of there
//     are refused, because a browser no longer looks at the path behind one.
//   - The page is sandboxed: it submits no form and opens no window, so it never
//     holds another page of the shop in its hands. The shop's pages open it without
//     an opener and can be framed by nobody.
//   - It registers no service worker, which would outlive the desktop.
//   - The shop refuses what says that it comes from a desktop's page (notFromDesktop),
//     and a desktop what comes from another page than its own. A page can leave that
//     out or lie, so this is a second line and not the first.
//   - Files of ~/Downloads are only ever saved: neither shown nor run.
//
// What remains, as long as desktops share the shop's origin: such a page may look
// like any other page of the shop and ask for a password, and password managers may
// offer it there; it may lead its own tab to any page; it may set cookies of names
// that are free, such as to sign somebody in as somebody else; and it may use the
// origin's storage in the browser, in which the shop keeps nothing. A browser that
// does not know content policies of level 3 is not kept from anything.

// sandbox is what a desktop's page may do of what a sandbox forbids. KasmVNC's
// client keeps its settings in the browser's storage, hence the same origin.
const sandbox = "sandbox allow-scripts allow-same-origin allow-downloads allow-modals allow-pointer-lock"

// deskPolicy lets a desktop's page use what lies below one prefix of the origin.
func deskPolicy(origin, prefix string) string {
	own := origin + prefix + "/"
	socket := "ws" + strings.TrimPrefix(own, "http") // wss for https
	return sandbox + "; default-src 'none'; script-src " + own + " blob: 'unsafe-inline' 'wasm-unsafe-eval'; style-src " + own + " 'unsafe-inline'; img-src " + own +
		" data: blob:; font-src " + own + " data:; media-src " + own + " data: blob:; connect-src " + own + " " + socket + " data: blob:; worker-src " + own +
		" blob:; manifest-src " + own + "; frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// filePolicy is for files that somebody made on the desktop.
const filePolicy = "sandbox; default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// The places of a desktop that are not like the others.
type spot int

const (
	ordinary  spot = iota
	forbidden      // the desktop's own programming interface, which can do anything there
	saveOnly       // what its customer put into ~/Downloads
)

// spotOf sorts the cleaned path of a request. It reads through further layers of
// escapes and a change of case: what a desktop might make of a path counts, too.
func spotOf(clean string) spot {
	found := ordinary
	for range 4 {
		clean = cleaned(strings.ReplaceAll(clean, `\`, "/"))
		first, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(clean), "/"), "/")
		switch {
		case first == "api":
			return forbidden
		case first == "downloads":
			found = saveOnly
		}
		further, err := url.PathUnescape(clean)
		if err != nil || further == clean {
			return found
		}
		clean = further
	}
	return forbidden // nobody means this
}

func attachment(of string) string {
	name := path.Base(of)
	if text := mime.FormatMediaType("attachment", map[string]string{"filename": name}); text != "" && name != "/" {
		return text
	}
	return "attachment"
}

// desktopOf is the desktop that a path of ours belongs to, "" for none.
func desktopOf(path string) string {
	rest, ok := strings.CutPrefix(path, desktopPrefix)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return strings.ToLower(id)
}

// cameFrom is the path of the page of ours that sent a request, as it says.
func (s *server) cameFrom(r *http.Request) (path string, ours bool) {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host == "" || !strings.EqualFold(from.Host, s.hostOf(r)) {
		return "", false
	}
	return from.Path, true
}

// fetched tells a request that a page makes by itself from one that leads to
// another page.
func fetched(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode != "" && mode != "navigate"
}

// dressing is what our error pages load, wherever they are shown.
func dressing(path string) bool {
	return strings.HasPrefix(path, "/assets/") || path == "/brand.css" || path == "/favicon.svg" || path == "/favicon.ico"
}

// notFromDesktop refuses what a desktop's page asks of the shop or of another
// desktop, and what the shop's pages would load from a desktop.
func (s *server) notFromDesktop(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		r := c.Request()
		from, ours := s.cameFrom(r)
		if !ours || desktopOf(from) == desktopOf(r.URL.Path) {
			return next(c)
		}
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		if safe && !fetched(r) || dressing(r.URL.Path) {
			return next(c)
		}
		return fail.New(fail.Forbidden, "A desktop and the shop's pages ask nothing of each other. Open the page by itself and try again.")
	}
}
