"""Where the published suites come from, under which licence, and what their bytes must be."""

from __future__ import annotations

from dataclasses import dataclass

_RAW = "https://raw.githubusercontent.com"
_CROWS_PAIRS = f"{_RAW}/nyu-mll/crows-pairs/master/data"
_STEREOSET = f"{_RAW}/moinnadeem/StereoSet/master/data"
_WINOBIAS = f"{_RAW}/uclanlp/corefBias/master/WinoBias/wino/data"
_WINOGENDER = f"{_RAW}/rudinger/winogender-schemas/master/data"
_BBQ = f"{_RAW}/nyu-mll/BBQ/main"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a publisher's.

    Args:
        name: what it is called here and under a mirror's URL.
        url: the publisher's.
        sha256: its digest, hexadecimal, where a published record of it is known; none otherwise: then the first fetch
            must be trusted by the user, and what came is written down.
    """

    name: str
    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One published suite.

    Args:
        name: of the suite.
        title: what it is, in a few words.
        licence: under which it is published.
        files: all that is fetched.
    """

    name: str
    title: str
    licence: str
    files: tuple[RemoteFile, ...]

    @property
    def pinned(self) -> bool:
        """Whether the digest of every file is known beforehand."""
        return all(file.sha256 is not None for file in self.files)


def _of(base: str, *names: str) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(name=name.rpartition("/")[2], url=f"{base}/{name}") for name in names)


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="crows-pairs",
            title="1,508 pairs of sentences in nine categories (Nangia et al. 2020)",
            licence="CC BY-SA 4.0",
            files=(
                RemoteFile(
                    name="crows_pairs_anonymized.csv",
                    url=f"{_CROWS_PAIRS}/crows_pairs_anonymized.csv",
                    # The digest that the loader of this file in Hugging Face's "datasets" records.
                    sha256="dfb36986ce0502abbaf7055b9176da3d08d48e07df1251991b5dfbcbceab9d0c",
                ),
            ),
        ),
        Source(
            name="stereoset",
            title="4,229 contexts with three sentences each, in four categories (Nadeem et al. 2021)",
            licence="CC BY-SA 4.0",
            files=(
                RemoteFile(
                    name="dev.json",
                    url=f"{_STEREOSET}/dev.json",
                    # As above: the loader records 12,502,245 bytes and this digest.
                    sha256="73a0f31b711688112602e4c3ac6ab1e1a7cadcdd67df6c6fd55501c889676c90",
                ),
            ),
        ),
        Source(
            name="winobias",
            title="1,584 pairs of sentences on occupations (Zhao et al. 2018)",
            licence="MIT",
            files=_of(
                _WINOBIAS,
                *(
                    f"{side}_stereotyped_type{kind}.txt.{split}"
                    for side in ("pro", "anti")
                    for kind in (1, 2)
                    for split in ("dev", "test")
                ),
            ),
        ),
        Source(
            name="winogender",
            title="240 pairs of sentences on sixty occupations (Rudinger et al. 2018)",
            licence="see the publisher's repository",
            files=_of(_WINOGENDER, "all_sentences.tsv", "occupations-stats.tsv"),
        ),
        Source(
            name="bbq",
            title="58,492 questions in eleven categories (Parrish et al. 2022)",
            licence="CC BY 4.0",
            files=_of(
                _BBQ,
                *(
                    f"data/{category}.jsonl"
                    for category in (
                        "Age",
                        "Disability_status",
                        "Gender_identity",
                        "Nationality",
                        "Physical_appearance",
                        "Race_ethnicity",
                        "Race_x_SES",
                        "Race_x_gender",
                        "Religion",
                        "SES",
                        "Sexual_orientation",
                    )
                ),
                "supplemental/additional_metadata.csv",
            ),
        ),
    )
}
"""The published suites by name."""
