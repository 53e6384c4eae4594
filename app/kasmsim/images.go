package kasmsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Image is one workspace image that the simulator offers. In Kasm the size belongs
// to the image, so a template in three sizes is three images.
type Image struct {
	ID           string // 32 hex digits
	Name         string // docker reference
	FriendlyName string
	Description  string
	Cores        float64
	MemoryBytes  int64
	Disabled     bool   // listed, but starts nothing
	ProfilePath  string // where persistent profiles are kept, "" for nowhere
}

// DefaultImages is every template in every size. The ids are the same in each
// installation; ImageID computes them.
func DefaultImages() []Image {
	templates := []struct{ name, title, about string }{
		{"ubuntu-vscode", "Ubuntu with VS Code", "An Ubuntu desktop with Visual Studio Code and git."},
		{"multi-ide-docker", "Multi-IDE with Docker", "Several development environments and Docker."},
		{"full-stack", "Full development stack", "Languages, databases and tools for web development."},
		{"browser-office", "Browser and office", "A web browser, mail and an office suite."},
		{"office-suite", "Full office suite", "Documents, tables, slides, drawing and mail."},
		{"custom", "Custom", "A plain desktop to build upon."},
	}
	sizes := []struct {
		cores    int
		memoryMB int64
	}{{2, 4096}, {4, 8192}, {8, 16384}}
	images := make([]Image, 0, len(templates)*len(sizes))
	for _, t := range templates {
		for _, size := range sizes {
			images = append(images, Image{
				ID:           ImageID(t.name, size.cores, size.memoryMB),
				Name:         imageName(t.name, size.cores, size.memoryMB),
				FriendlyName: fmt.Sprintf("%s (%d vCPU, %d GB)", t.title, size.cores, size.memoryMB/1024),
				Description:  t.about,
				Cores:        float64(size.cores),
				MemoryBytes:  size.memoryMB << 20,
			})
		}
	}
	return images
}

// ImageID gives the id of a template in a size, such as ("ubuntu-vscode", 2, 4096).
func ImageID(template string, cores int, memoryMB int64) string {
	sum := sha256.Sum256([]byte(imageName(template, cores, memoryMB)))
	return hex.EncodeToString(sum[:16])
}

func imageName(template string, cores int, memoryMB int64) string {
	return fmt.Sprintf("ezscale/%s:%dx%d", template, cores, memoryMB)
}
