package documents

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func TestFontsAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("fonts/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf"} {
		file, err := fontFiles.ReadFile("fonts/" + name)
		sum := sha256.Sum256(file)
		if err != nil || !strings.Contains(string(list), "| "+name+" |") || !strings.Contains(string(list), hex.EncodeToString(sum[:])) {
			t.Errorf("%s is not the file of VENDOR.md (%v)", name, err)
		}
	}
}

// What a spreadsheet would take for a formula is a text.
func TestCellsAreInert(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "+49 30": "'+49 30", "-2.50": "-2.50", "-": "'-", "-cmd|' /C": "'-cmd|' /C", "Ada": "Ada", "": "", "\tx": "'\tx"} {
		if got := inert(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}
