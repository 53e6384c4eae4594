// Package assets holds what the browser needs to draw the product: one style
// sheet and a few scripts. Each is served under an address that contains its
// own hash, so a browser may keep it for ever and a new release is seen at once.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed css js guide
var files embed.FS

// Style is the name of the one style sheet, all layers joined.
const Style = "app.css"

// Prefix is where the handler expects to be mounted.
const Prefix = "/assets/"

type asset struct {
	name  string
	url   string
	kind  string
	plain []byte
	gz    []byte
}

// set is every asset of this build, ready to be served.
type set struct {
	byName map[string]asset
	byURL  map[string]asset
}

// shared is made once, from files that are part of the program.
var shared = sync.OnceValues(load)

// URL is the address of the asset called name, such as "app.css" or
// "htmx.min.js", with its hash in it. A name that is not an asset gives an
// address that answers 404; the tests of the pages ask for every address.
func URL(name string) string {
	if s, err := shared(); err == nil {
		if a, ok := s.byName[name]; ok {
			return a.url
		}
	}
	return Prefix + name
}

// Handler serves every asset below Prefix. The error says which embedded file
// could not be read or compressed.
func Handler() (http.Handler, error) {
	s, err := shared()
	if err != nil {
		return nil, err
	}
	return s, nil
}

// load joins the style sheet in layer order and hashes and compresses every asset.
func load() (*set, error) {
	s := &set{byName: map[string]asset{}, byURL: map[string]asset{}}
	style, err := joinStyle()
	if err != nil {
		return nil, err
	}
	if err := s.add(Style, style); err != nil {
		return nil, err
	}
	scripts, err := fs.Glob(files, "js/*.js")
	if err != nil {
		return nil, fmt.Errorf("list scripts: %w", err)
	}
	for _, name := range scripts {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if err := s.add(path.Base(name), text); err != nil {
			return nil, err
		}
	}
	pictures, err := fs.Glob(files, "guide/pictures/*.png")
	if err != nil {
		return nil, fmt.Errorf("list the guide's pictures: %w", err)
	}
	for _, name := range pictures {
		picture, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if err := s.add("guide-"+path.Base(name), picture); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// ServeHTTP answers with an asset that may be kept for ever, compressed when
// the browser takes gzip.
func (s *set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s.byURL[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Only GET is answered here.", http.StatusMethodNotAllowed)
		return
	}
	body, h := a.plain, w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		body = a.gz
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the reader has gone; there is nobody to tell
}

func (s *set) add(name string, text []byte) error {
	sum := sha256.Sum256(text)
	ext := path.Ext(name)
	a := asset{name: name, kind: contentType(ext), plain: text}
	a.url = Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	var err error
	if a.gz, err = compress(text); err != nil {
		return fmt.Errorf("compress %s: %w", name, err)
	}
	s.byName[name], s.byURL[a.url] = a, a
	return nil
}

// joinStyle concatenates the sheets in the order of their names: the first line
// declares the layers, so later files cannot change who wins.
func joinStyle() ([]byte, error) {
	var names []string
	err := fs.WalkDir(files, "css", func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(p) == ".css" {
			names = append(names, p)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list style sheets: %w", err)
	}
	slices.Sort(names)
	var out bytes.Buffer
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		out.Write(withoutComments(bytes.TrimSpace(text)))
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// withoutComments drops what is written for readers of the source.
func withoutComments(text []byte) []byte {
	var out []byte
	for {
		before, rest, found := bytes.Cut(text, []byte("/*"))
		out = append(out, before...)
		if !found {
			return out
		}
		if _, text, found = bytes.Cut(rest, []byte("*/")); !found {
			return out
		}
		text = bytes.TrimLeft(text, "\n")
	}
}

func compress(text []byte) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := zip.Write(text); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3) as far as it matters here.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight = strings.ReplaceAll(weight, " ", "")
		if strings.TrimSpace(coding) == "gzip" && !slices.Contains([]string{"q=0", "q=0.0", "q=0.00", "q=0.000"}, weight) {
			return true
		}
	}
	return false
}

func contentType(ext string) string {
	if ext == ".css" {
		return "text/css; charset=utf-8"
	}
	return "text/javascript; charset=utf-8"
}
