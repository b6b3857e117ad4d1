package web

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrCode is a QR code as a path of unit squares, for an inline SVG.
type qrCode struct {
	// Size is the length of a side with the quiet zone around it.
	Size int
	Path string
}

// quietZone is the margin that readers need.
const quietZone = 4

func newQRCode(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fmt.Errorf("QR code: %w", err)
	}
	var path strings.Builder
	bounds := code.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if gray, _, _, _ := code.At(x, y).RGBA(); gray == 0 && code.At(x, y) != color.Transparent {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x-bounds.Min.X+quietZone, y-bounds.Min.Y+quietZone)
			}
		}
	}
	return qrCode{Size: bounds.Dx() + 2*quietZone, Path: path.String()}, nil
}
