package views

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	source "github.com/yuin/goldmark/text"

	"github.com/ezscale/ezscale/assets"
)

// Guide is one chapter of the guide for resellers, among all of them.
type Guide struct {
	Chapters []NavItem
	Title    string
	Body     templ.Component
	Next     *NavItem
}

// GuideOf draws a chapter whose pages lie under base. It is false for a chapter that
// there is not. The text is part of the program, so it is drawn as it stands; raw
// HTML in it would be left out.
func GuideOf(base, chapter string) (g Guide, ok bool) {
	names := assets.GuideChapters()
	at := slices.Index(names, chapter)
	if at < 0 {
		return g, false
	}
	for i, name := range names {
		prose, err := assets.GuideText(name)
		if err != nil {
			return g, false
		}
		heading, body, _ := bytes.Cut(prose, []byte("\n"))
		item := NavItem{Label: strings.TrimPrefix(string(heading), "# "), Href: base + "/" + name, Current: i == at}
		g.Chapters = append(g.Chapters, item)
		if i == at {
			g.Title, g.Body = item.Label, markdown(base, body)
		}
	}
	if at+1 < len(names) {
		g.Next = &g.Chapters[at+1]
	}
	return g, true
}

// markdown draws a text with its links among chapters and its pictures led to where
// the program serves them.
func markdown(base string, prose []byte) templ.Component {
	md := goldmark.New(goldmark.WithExtensions(extension.Table))
	tree := md.Parser().Parse(source.NewReader(prose))
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		if err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if entering {
				relocate(n, base)
			}
			return ast.WalkContinue, nil
		}); err != nil {
			return fmt.Errorf("read the guide: %w", err)
		}
		return md.Renderer().Render(w, prose, tree)
	})
}

func relocate(n ast.Node, base string) {
	switch n := n.(type) {
	case *ast.Image:
		if strings.HasPrefix(string(n.Destination), "pictures/") {
			n.Destination = []byte(assets.URL("guide-" + path.Base(string(n.Destination))))
			n.SetAttributeString("loading", []byte("lazy"))
		}
	case *ast.Link:
		if chapter, isChapter := strings.CutSuffix(string(n.Destination), ".md"); isChapter {
			n.Destination = []byte(base + "/" + chapter)
		}
	}
}
