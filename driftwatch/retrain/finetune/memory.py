"""How memory that ran out shows: on a device, in torch's allocator, in files that are mapped."""

from __future__ import annotations

import errno

_WORDS = ("can't allocate memory", "Cannot allocate memory", "unable to mmap", "could not create a primitive")
"""What torch's allocator, safetensors' reader and oneDNN say, which does not tell why; its kernels ask for scratch."""


def out_of_memory(error: Exception) -> bool:
    """Whether the failure says that memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return (isinstance(error, OSError) and error.errno == errno.ENOMEM) or any(word in str(error) for word in _WORDS)
