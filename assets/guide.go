package assets

import (
	"fmt"
	"io/fs"
	"path"
)

// GuideChapters are the names of the guide's chapters in their order, such as
// "1-first-day".
func GuideChapters() []string {
	names, err := fs.Glob(files, "guide/[0-9]-*.md")
	if err != nil {
		return nil // the pattern is fixed and well-formed
	}
	for i, name := range names {
		base := path.Base(name)
		names[i] = base[:len(base)-len(".md")]
	}
	return names
}

// GuideText is a chapter of the guide as it was written, in Markdown. The error
// says that there is no such chapter.
func GuideText(chapter string) ([]byte, error) {
	text, err := files.ReadFile("guide/" + chapter + ".md")
	if err != nil {
		return nil, fmt.Errorf("the guide has no chapter %q: %w", chapter, err)
	}
	return text, nil
}
