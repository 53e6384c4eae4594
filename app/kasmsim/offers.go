package kasmsim

import "slices"

// targetImage is an image as a call names or changes it. Sizes go by either name.
type targetImage struct {
	ImageID      string   `json:"image_id"`
	Name         *string  `json:"name"`
	FriendlyName *string  `json:"friendly_name"`
	Description  *string  `json:"description"`
	Cores        *float64 `json:"cores"`
	Memory       *int64   `json:"memory"`
	MemoryBytes  *int64   `json:"memory_bytes"`
	Enabled      *bool    `json:"enabled"`
	ProfilePath  *string  `json:"persistent_profile_path"`
}

func (t targetImage) applyTo(img *Image) {
	for _, f := range []struct{ to, from *string }{{&img.Name, t.Name}, {&img.FriendlyName, t.FriendlyName}, {&img.Description, t.Description}, {&img.ProfilePath, t.ProfilePath}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if t.Cores != nil {
		img.Cores = *t.Cores
	}
	for _, bytes := range []*int64{t.Memory, t.MemoryBytes} {
		if bytes != nil {
			img.MemoryBytes = *bytes
		}
	}
	if t.Enabled != nil {
		img.Disabled = !*t.Enabled
	}
}

func (img Image) whole() bool {
	return img.Name != "" && img.Cores > 0 && img.MemoryBytes > 0
}

// findImage gives a copy of an image, nil when there is none.
func (s *Sim) findImage(id string) *Image {
	for _, img := range s.images {
		if img.ID == id {
			return &img
		}
	}
	return nil
}

// putImage replaces, adds or, given nil, takes away an image.
func (s *Sim) putImage(id string, img *Image) {
	at := slices.IndexFunc(s.images, func(i Image) bool { return i.ID == id })
	switch {
	case img == nil && at >= 0:
		s.images = slices.Delete(s.images, at, at+1)
	case img != nil && at >= 0:
		s.images[at] = *img
	case img != nil:
		s.images = append(s.images, *img)
	}
}

// targetImage finds the image that a call names; an id that is none of ours is
// refused.
func (s *Sim) targetImage(t targetImage) (*Image, *reply) {
	id, valid := canonical(t.ImageID)
	if t.ImageID != "" && !valid {
		r := crash()
		return nil, &r
	}
	img := s.findImage(id)
	if img == nil {
		r := refuse(invalidRequest)
		return nil, &r
	}
	return img, nil
}

func (s *Sim) createImage(_ instant, in input) reply {
	img := Image{ID: newID()}
	in.TargetImage.applyTo(&img)
	if img.FriendlyName == "" {
		img.FriendlyName = img.Name
	}
	return s.keepImage(img)
}

func (s *Sim) updateImage(_ instant, in input) reply {
	img, failed := s.targetImage(in.TargetImage)
	if failed != nil {
		return *failed
	}
	in.TargetImage.applyTo(img)
	return s.keepImage(*img)
}

func (s *Sim) keepImage(img Image) reply {
	if !img.whole() {
		return refuse(invalidRequest)
	}
	s.putImage(img.ID, &img)
	mark(&s.change.Images, img.ID)
	return ok(map[string]any{"image": s.wireImage(img)})
}

// deleteImage refuses while a desktop of the image is there.
func (s *Sim) deleteImage(_ instant, in input) reply {
	img, failed := s.targetImage(in.TargetImage)
	if failed != nil {
		return *failed
	}
	for _, d := range s.desktops {
		if d.ImageID == img.ID {
			return refuse("Unable to delete the image. It is in use by sessions")
		}
	}
	s.putImage(img.ID, nil)
	mark(&s.change.Images, img.ID)
	return ok(struct{}{})
}
