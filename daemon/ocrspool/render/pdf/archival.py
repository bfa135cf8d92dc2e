"""PDF/A-2b (ISO 19005-2): what a PDF that is made here says of itself, so that archives take it.

The rest of what PDF/A asks for follows from how pages are made: one embedded font, pictures in DeviceGray or DeviceRGB,
no transparency, no scripts, nothing outside the file.
"""

from __future__ import annotations

import pkgutil

from pikepdf import Array, Dictionary, Name, Pdf

from ocrspool.render.pdf.description import Description
from ocrspool.render.xml_escape import escaped

PROFILE = pkgutil.get_data("ocrspool", "data/srgb.icc") or b""
"""The color profile of sRGB (tools/srgb_profile.py): it says what the device colors of the pictures mean."""

_XMP = """<?xpacket begin="\N{BYTE ORDER MARK}" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<xmp:CreateDate>{made}</xmp:CreateDate>
<xmp:ModifyDate>{made}</xmp:ModifyDate>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def claim(pdf: Pdf, description: Description) -> None:
    """Say that a PDF is PDF/A-2b: the profile of its colors, and metadata that agree with its document information."""
    profile = pdf.make_stream(PROFILE, N=3)
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier="sRGB",
        Info="sRGB IEC61966-2.1",
        DestOutputProfile=profile,
    )
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])
    texts = {"title": description.title, "producer": description.producer, "made": description.made}
    metadata = _XMP.format(**{name: escaped(text) for name, text in texts.items()})
    pdf.Root.Metadata = pdf.make_stream(metadata.encode(), Type=Name.Metadata, Subtype=Name.XML)
