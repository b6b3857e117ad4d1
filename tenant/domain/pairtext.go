package domain

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"unicode/utf16"
)

// textOf is the text of a file that somebody brought: without the mark that some editors put in front, and not in UTF-16, which
// others write. What is no text, but another way to keep a certificate or a key, is an error that says how to get PEM out of it.
func textOf(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\ufeff")):
		return b[len("\ufeff"):], nil
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return wide(b[2:], binary.LittleEndian), nil
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return wide(b[2:], binary.BigEndian), nil
	case len(b) > 1 && b[0] == sequence && b[1] >= longForm:
		return b, packed(b)
	}
	return b, nil
}

func wide(b []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// How DER begins, and what is packed into it: a sequence, and a length that takes more than one octet.
const (
	sequence = 0x30
	longForm = 0x80
)

// container begins a PKCS #12 or, without the version, a PKCS #7.
type container struct {
	Version int `asn1:"optional"`
	Inside  struct {
		Type asn1.ObjectIdentifier
		Rest asn1.RawValue `asn1:"optional"`
	}
	MAC asn1.RawValue `asn1:"optional"`
}

// packed says what something in DER is, and how it becomes PEM. No error repeats anything of it.
func packed(b []byte) error {
	var c container
	if _, err := asn1.Unmarshal(b, &c); err == nil && c.Version == 3 {
		return wrong("This is a PKCS #12 file (.pfx, .p12), with certificate and key in one: take each out first (openssl pkcs12 -in FILE -nokeys, and again with -nocerts -nodes).")
	}
	var seven struct {
		Type asn1.ObjectIdentifier
		Rest asn1.RawValue
	}
	if _, err := asn1.Unmarshal(b, &seven); err == nil && seven.Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) {
		return wrong("This is a PKCS #7 file (.p7b): take the certificates out first (openssl pkcs7 -inform der -in FILE -print_certs -out chain.pem).")
	}
	if _, err := x509.ParseCertificate(b); err == nil {
		return wrong("This is a certificate in DER, not in PEM: convert it first (openssl x509 -inform der -in FILE -out chain.pem).")
	}
	return wrong("This is no text. If it is a key in DER, convert it first (openssl pkey -inform der -in FILE -out key.pem).")
}
