"""Everything that is said to a person, in English and German. Values stand in braces."""
import os

from .trouble import BadInput

LANGUAGES = ("en", "de")
WORDS = {"holds": ("ok", "ok"), "fails": ("FAILED", "FEHLER"), "note": ("note", "Hinweis")}
SECTIONS = {"key": ("key", "Schlüssel"), "ledger": ("ledger", "Journal"),
            "measurements": ("measurements", "Messungen"), "files": ("export", "Export"),
            "receipts": ("receipts", "Quittungen")}

# What is wrong with input: follows the name of a file, line and field.
TROUBLES = {
    "missing": ("is missing", "fehlt"),
    "dangling": ("is a link that leads nowhere", "ist ein Verweis, der ins Leere führt"),
    "not_file": ("is no regular file", "ist keine gewöhnliche Datei"),
    "too_large": ("is larger than {limit} bytes", "ist größer als {limit} Bytes"),
    "unreadable": ("cannot be read: {reason}", "ist nicht lesbar: {reason}"),
    "not_utf8": ("is no UTF-8 text (byte {position})", "ist kein UTF-8-Text (Byte {position})"),
    "not_json": ("is no whole JSON text (character {position})",
                 "ist kein vollständiger JSON-Text (Zeichen {position})"),
    "too_deep": ("nests deeper than {levels} levels", "ist tiefer als {levels} Ebenen geschachtelt"),
    "repeated_name": ("stands twice in one object", "steht zweimal in einem Objekt"),
    "not_object": ("must be an object", "muss ein Objekt sein"),
    "not_list": ("must be a list", "muss eine Liste sein"),
    "not_text": ("must be a string", "muss eine Zeichenkette sein"),
    "absent": ("is absent", "ist nicht vorhanden"),
    "unknown": ("does not belong here", "gehört nicht hierher"),
    "not_integer": ("must be a whole number, without fraction or exponent",
                    "muss eine ganze Zahl sein, ohne Bruchteil und Exponent"),
    "out_of_range": ("must be at least {least} and not larger than {most}",
                     "muss mindestens {least} und darf nicht größer als {most} sein"),
    "not_one_of": ("must be one of: {choices}", "muss eines davon sein: {choices}"),
    "not_hex": ("must be {digits} lower-case hex digits", "muss aus {digits} Hexziffern (klein) bestehen"),
    "not_instant": ("must be an RFC 3339 time with at most six fraction digits",
                    "muss eine Zeit nach RFC 3339 mit höchstens sechs Nachkommastellen sein"),
    "not_month": ("must be a month as 2026-03", "muss ein Monat wie 2026-03 sein"),
    "not_day": ("must be a day as 2026-03-05", "muss ein Tag wie 2026-03-05 sein"),
    "not_before": ("must be a month before {month}", "muss ein Monat vor {month} sein"),
    "not_zone": ("is no known time zone: {zone}", "ist keine bekannte Zeitzone: {zone}"),
    "not_decimal": ("must be a decimal number above 0", "muss eine Dezimalzahl über 0 sein"),
    "not_product": ("must name products: workload/<kind> or storage/<location>",
                    "muss Produkte nennen: workload/<Art> oder storage/<Ort>"),
    "stands_twice": ("{month} stands twice for the same", "{month} steht zweimal für dasselbe"),
    "unknown_type": ("is of an unknown type: {name}", "ist von unbekannter Art: {name}"),
    "other_content": ("event {id} stands there with other content already",
                      "Ereignis {id} steht schon mit anderem Inhalt da"),
    "no_policy": ("no policy is for {month}", "keine Regelung gilt für {month}"),
    "no_price": ("no price for {product} ({mode}) in {month}", "kein Preis für {product} ({mode}) im {month}"),
    "never_created": ("customer {customer} was never created", "Kunde {customer} wurde nie angelegt"),
    "other_currency": ("a bill closed before is not in {currency}",
                       "eine frühere Rechnung lautet nicht auf {currency}"),
    "closed_gap": ("the bill of {month} must come next", "die Rechnung für {month} muss die nächste sein"),
    "too_large_sum": ("{month}: an amount of customer {customer} is too large to be billed",
                      "{month}: ein Betrag des Kunden {customer} ist zu groß für eine Rechnung"),
    "too_late": ("{month} is after {year}, where time zones are not known yet",
                 "{month} liegt nach {year}; so weit sind Zeitzonen noch nicht bekannt"),
    "jws_form": ("is no compact JWS", "ist keine kompakte JWS"),
    "jws_header": ("has another header than ours", "hat einen anderen Kopf als unsere Dokumente"),
    "jws_typ": ("is no document of the type {typ}", "ist kein Dokument der Art {typ}"),
    "other_key": ("bears no signature of the provider's key", "trägt keine Unterschrift des Anbieterschlüssels"),
    "bad_signature": ("bears no good signature of the key that it names",
                      "trägt keine gültige Unterschrift des Schlüssels, den es nennt"),
    "other_device": ("is not the device of the key that signed",
                     "ist nicht das Gerät des Schlüssels, der unterschrieben hat"),
    "other_document": ("is not measured- and the SHA-256 of the document",
                       "ist nicht measured- und der SHA-256 des Dokuments"),
    "foreign_workload": ("speaks of workload {workload}, which is not in the ledger",
                         "nennt das Gerät {workload}, das nicht im Journal steht"),
    "foreign_vault": ("speaks of customer {customer} and vault {vault}, which are not in the ledger",
                      "nennt Kunde {customer} und Tresor {vault}, die nicht im Journal stehen"),
    "younger_than_export": ("is younger than the export", "ist jünger als der Export"),
    "no_export": ("is no folder", "ist kein Ordner"),
    "no_prices": ("names no price list: the partner had none", "nennt keine Preisliste: der Partner hatte keine"),
    "no_folder": ("is no folder", "ist kein Ordner"),
    "no_cryptography": ("the Python library cryptography is missing (Debian: python3-cryptography)",
                        "die Python-Bibliothek cryptography fehlt (Debian: python3-cryptography)"),
    "bad_option": ("is no option, or lacks its value (see --help)",
                   "ist keine Option, oder ihr Wert fehlt (siehe --help)"),
    "one_export": ("name one export (see --help)", "genau einen Export angeben (siehe --help)"),
}

FINDINGS = {
    "key_of_export": ("{key} is only the key that the export itself names; give the one of your own records "
                      "by --key",
                      "{key} ist nur der Schlüssel, den der Export selbst nennt; mit --key den aus eigenen "
                      "Unterlagen angeben"),
    "key_given": ("the export names the key given", "der Export nennt den angegebenen Schlüssel"),
    "key_differs": ("the export names {other}, not the key given",
                    "der Export nennt {other}, nicht den angegebenen Schlüssel"),
    "ledger_whole": ("{rows} rows, each bound to the one before; head {head}",
                     "{rows} Einträge, jeder an den vorigen gebunden; Kopf {head}"),
    "row_number": ("line {line}: row {number} stands where row {expected} must",
                   "Zeile {line}: Eintrag {number} steht, wo Eintrag {expected} stehen muss"),
    "row_previous": ("line {line}: row {number} does not hold the hash of the row before",
                     "Zeile {line}: Eintrag {number} enthält nicht den Hash des vorigen"),
    "row_hash": ("line {line}: row {number} is not what its hash was made of",
                 "Zeile {line}: Eintrag {number} ist nicht das, woraus sein Hash entstand"),
    "rows_more": ("and {count} more faults in rows", "und {count} weitere Fehler in Einträgen"),
    "ledger_rows": ("{rows} rows, but export.json says {expected}",
                    "{rows} Einträge, aber export.json nennt {expected}"),
    "ledger_head": ("the head is {head}, but export.json says {expected}",
                    "der Kopf ist {head}, aber export.json nennt {expected}"),
    "measurements_none": ("there is no {file}, which exports of earlier versions lack: local levels are the provider's "
                          "word alone ({count} of them)",
                          "{file} fehlt, wie in Exporten früherer Versionen: lokale Stände sind allein das Wort des "
                          "Anbieters (Anzahl: {count})"),
    "measurements_hold": ("local levels as devices measured and signed them: {count}; devices: {devices}",
                          "lokale Stände, wie Geräte sie maßen und unterschrieben: {count}; Geräte: {devices}"),
    "levels_corrected": ("local levels by the provider's word, not measured: {count} {reason}, at most {bytes} bytes",
                         "lokale Stände nach dem Wort des Anbieters, nicht gemessen: {count} {reason}, "
                         "höchstens {bytes} Bytes"),
    "level_unmeasured": ("row {row}: vault {vault} of customer {customer}: no measurement vouches for event {event}",
                         "Eintrag {row}: Tresor {vault} des Kunden {customer}: keine Messung belegt "
                         "Ereignis {event}"),
    "measurement_refused": ("not counted: {reason}", "nicht gezählt: {reason}"),
    "measurement_surplus": ("line {line}: the ledger has no measured local level with event {event}",
                            "Zeile {line}: das Journal hat keinen gemessenen lokalen Stand mit Ereignis {event}"),
    "measurement_twice": ("line {line}: event {event} stands there already",
                          "Zeile {line}: Ereignis {event} steht schon da"),
    "measurement_differs": ("row {row}: vault {vault} of customer {customer} holds {bytes} bytes, but the device "
                            "measured vault {other}: {measured} bytes",
                            "Eintrag {row}: Tresor {vault} des Kunden {customer} enthält {bytes} Bytes, aber das "
                            "Gerät maß Tresor {other}: {measured} Bytes"),
    "measurement_backwards": ("row {row}: vault {vault} of customer {customer}: measurement {number} of device "
                              "{device} stands after its measurement {before}",
                              "Eintrag {row}: Tresor {vault} des Kunden {customer}: Messung {number} des Geräts "
                              "{device} steht nach dessen Messung {before}"),
    "measurements_more": ("and {count} more faults in measurements", "und {count} weitere Fehler in Messungen"),
    "signer_changed": ("row {row}: vault {vault} of customer {customer} is measured by device {device} from here on, "
                       "before by {before}",
                       "Eintrag {row}: Tresor {vault} des Kunden {customer} misst ab hier Gerät {device}, "
                       "zuvor {before}"),
    "signer_returned": ("row {row}: vault {vault} of customer {customer} is measured by device {device} again, which "
                        "{before} had replaced",
                        "Eintrag {row}: Tresor {vault} des Kunden {customer} misst wieder Gerät {device}, das "
                        "{before} ersetzt hatte"),
    "signers_more": ("and {count} more changes of the device that measures a vault",
                     "und {count} weitere Wechsel des Geräts, das einen Tresor misst"),
    "unusable": ("{reason}", "{reason}"),
    "closing_holds": ("closed at {at} with {rows} rows, signed, bound to the closing before",
                      "abgeschlossen {at} mit {rows} Einträgen, unterschrieben, an den vorigen Abschluss gebunden"),
    "closing_month": ("the closing is one of {other}", "der Abschluss ist einer für {other}"),
    "closing_signature": ("the closing bears no signature of the provider's key",
                          "der Abschluss trägt keine Unterschrift des Anbieterschlüssels"),
    "closing_partner": ("the closing is one of another partner, {partner}",
                        "der Abschluss gehört einem anderen Partner, {partner}"),
    "closing_gap": ("no closing of {missing}", "kein Abschluss für {missing}"),
    "closing_first": ("the closing names one before it that is not there",
                      "der Abschluss nennt einen vorigen, der nicht da ist"),
    "closing_previous": ("the closing does not hold the hash of that of {before}",
                         "der Abschluss enthält nicht den Hash desjenigen für {before}"),
    "closing_backwards": ("closed with {rows} rows, but {before} with {expected}",
                          "abgeschlossen mit {rows} Einträgen, aber {before} mit {expected}"),
    "closing_beyond": ("closed with {rows} rows, but the ledger has {existing}",
                       "abgeschlossen mit {rows} Einträgen, aber das Journal hat {existing}"),
    "closing_head": ("row {rows} of the ledger is the one that the closing names",
                     "Eintrag {rows} des Journals ist der, den der Abschluss nennt"),
    "closing_head_differs": ("row {rows} of the ledger has the hash {head}, but the closing says {expected}",
                             "Eintrag {rows} des Journals hat den Hash {head}, aber der Abschluss nennt {expected}"),
    "bill_hash": ("the bill is the one that was closed", "die Rechnung ist die abgeschlossene"),
    "bill_changed": ("{file} is not the bill that was closed",
                     "{file} ist nicht die Rechnung, die abgeschlossen wurde"),
    "prices_changed": ("{file} is not what its name says", "{file} ist nicht, was der Name sagt"),
    "bill_rated": ("the first {rows} rows come to this bill, byte by byte",
                   "die ersten {rows} Einträge ergeben diese Rechnung, Byte für Byte"),
    "bill_differs": ("the first {rows} rows come to another bill, from line {line} on: billed {found} rated {rated}",
                     "die ersten {rows} Einträge ergeben eine andere Rechnung, ab Zeile {line}: "
                     "berechnet {found} nachgerechnet {rated}"),
    "not_rated": ("not rated: its price list or an earlier bill cannot be used",
                  "nicht nachgerechnet: die Preisliste oder eine frühere Rechnung ist nicht verwendbar"),
    "unratable": ("comes to no bill: {reason}", "ergibt keine Rechnung: {reason}"),
    "nothing_closed": ("no month is closed", "kein Monat ist abgeschlossen"),
    "bill_unclosed": ("{file} is a bill without a closing", "{file} ist eine Rechnung ohne Abschluss"),
    "prices_name": ("{file} is not what its name says", "{file} ist nicht, was der Name sagt"),
    "stray": ("{file} is no part of an export and was not looked at",
              "{file} ist nicht Teil eines Exports und wurde nicht geprüft"),
    "receipt_refused": ("not counted: {reason}", "nicht gezählt: {reason}"),
    "receipts_read": ("{count} read, {refused} not counted", "{count} gelesen, {refused} nicht gezählt"),
    "subject_missing": ("not counted: {file} is signed for event {subject}, which is not in the ledger",
                        "nicht gezählt: {file} ist unterschrieben für Ereignis {subject}, das nicht im Journal steht"),
    "subject_differs": ("not counted: {file} is signed for event {subject}, which says something else in the ledger",
                        "nicht gezählt: {file} ist unterschrieben für Ereignis {subject}, das im Journal "
                        "anderes besagt"),
    "correction_of_nothing": ("{customer} {product}, correction of {charged}: nothing is charged any more",
                              "{customer} {product}, Korrektur für {charged}: nichts wird mehr berechnet"),
}
# What the receipts say of a line, and of the line that a correction rests on.
CLAIMS = {
    "line_": ("{customer} {product} {quantity}: ", "{customer} {product} {quantity}: "),
    "correction_": ("{customer} {product}, correction of {charged}, now {quantity}: ",
                    "{customer} {product}, Korrektur für {charged}, nun {quantity}: "),
}
SUPPORT = {
    "activated": ("every activation has its receipt", "jede Aktivierung hat ihre Quittung"),
    "lacks": ("no receipt for {ids}", "keine Quittung für {ids}"),
    "stored": ("the receipts vouch for up to {vouched}", "die Quittungen belegen bis zu {vouched}"),
    "short": ("the receipts vouch for {vouched} at most", "die Quittungen belegen höchstens {vouched}"),
}
FINDINGS |= {claim + support: tuple(map("".join, zip(CLAIMS[claim], SUPPORT[support])))
             for claim in CLAIMS for support in SUPPORT}

SUMMARY = {True: ("everything holds", "alles stimmt"), False: ("{count} do not hold", "{count} stimmen nicht")}

HELP = (
    """usage: verify-bill EXPORT [--month 2026-03] [--receipts FOLDER]... [--key HEX] [--json] [--lang de|en]
       verify-bill EXPORT --rate 2026-04

Checks a partner's exported ledger: the chain of its rows, the devices' signatures under what they measured,
the provider's signature under each closed month, and that the ledger comes to each bill again, byte by byte,
rated by a program of its own.

  --month MONTH      only this month's closing and bill; chain and measurements are checked in any case
  --rate MONTH       checks nothing, and prints the bill that the month comes to so far
  --receipts FOLDER  also holds the bills against the receipts (*.jws) below FOLDER; may be repeated
  --key HEX          the provider's public key as your own records have it; the export must name it
  --json             prints one object with everything found
  --lang de|en       language; otherwise by LC_ALL, LC_MESSAGES or LANG

Exit codes:
  0  everything holds (receipts that do not count are named and change nothing)
  1  something does not hold, or a line lacks the support of the receipts; each is named
  2  the input or the command line cannot be used; one line on standard error says where
""",
    """Aufruf: verify-bill EXPORT [--month 2026-03] [--receipts ORDNER]... [--key HEX] [--json] [--lang de|en]
       verify-bill EXPORT --rate 2026-04

Prüft das exportierte Journal eines Partners: die Kette seiner Einträge, die Unterschriften der Geräte unter
ihren Messungen, die Unterschrift des Anbieters unter jedem abgeschlossenen Monat, und dass das Journal jede
Rechnung Byte für Byte noch einmal ergibt, nachgerechnet von einem eigenständigen Programm.

  --month MONAT      nur Abschluss und Rechnung dieses Monats; Kette und Messungen werden immer geprüft
  --rate MONAT       prüft nichts und gibt die Rechnung aus, auf die der Monat bisher kommt
  --receipts ORDNER  hält die Rechnungen auch gegen die Quittungen (*.jws) unter ORDNER; mehrfach möglich
  --key HEX          der öffentliche Schlüssel des Anbieters aus eigenen Unterlagen; der Export muss ihn nennen
  --json             gibt ein Objekt mit allem aus, was gefunden wurde
  --lang de|en       Sprache; sonst nach LC_ALL, LC_MESSAGES oder LANG

Exit-Codes:
  0  alles stimmt (Quittungen, die nicht zählen, werden genannt und ändern nichts)
  1  etwas stimmt nicht, oder Quittungen stützen eine Zeile nicht; jedes wird genannt
  2  Eingabe oder Aufruf sind nicht verwendbar; eine Zeile auf der Fehlerausgabe sagt, wo
""")


def language(chosen=None, environment=os.environ):
    """`de` or `en`: as chosen, else the first of LC_ALL, LC_MESSAGES and LANG that is not empty."""
    said = chosen or next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "de" if said.startswith("de") else "en"


def shown(value, lang):
    """A value for a person; what could move the cursor or hide itself is escaped."""
    if isinstance(value, BadInput):
        return trouble(value, lang)
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(one, lang) for one in value)
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in str(value))


def _filled(texts, values, lang):
    return texts[LANGUAGES.index(lang)].format(**{name: shown(value, lang) for name, value in values.items()})


def trouble(bad, lang):
    """A BadInput as `file: line 3: field: what is wrong`."""
    line = {"en": "line", "de": "Zeile"}[lang]
    parts = [shown(bad.file, lang), f"{line} {bad.line}" if bad.line else "", shown(bad.field, lang),
             _filled(TROUBLES[bad.code], bad.values, lang)]
    return ": ".join(part for part in parts if part)


def finding(one, lang):
    """A Finding's text, without its verdict and section."""
    return _filled(FINDINGS[one.code], one.values, lang)


def line_of(one, lang):
    """A Finding as a line of output."""
    index = LANGUAGES.index(lang)
    section = one.month if one.section == "month" else SECTIONS[one.section][index]
    return f"{WORDS[one.verdict][index]:7} {section}: {finding(one, lang)}"


def summary(failed, lang):
    """The last line of output."""
    return _filled(SUMMARY[not failed], {"count": failed}, lang)


def help_text(lang):
    """What --help prints."""
    return HELP[LANGUAGES.index(lang)]
