"""Chat templates as real models have them, cut to what matters."""

from __future__ import annotations

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen, Yi and many others."""

INSTRUCT = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content | trim }} [/INST]"
    "{% elif m.role == 'assistant' %} {{ m.content | trim }}</s>"
    "{% else %}{{ raise_exception('only user and assistant speak here') }}{% endif %}{% endfor %}"
)
"""Llama 2 and Mistral: no header before a reply, no system turn."""

REASONING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% set words = m.content.split('</think>')[-1].lstrip('\n') if not loop.last else m.content %}"
    "{{ words }}<|im_end|>\n{% endfor %}"
)
"""Qwen 3: earlier turns lose their reasoning."""

MARKED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
)
"""Says itself what the assistant said: its words without their end."""

LAST_ONLY = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if loop.last %}</s>{% else %}\n{% endif %}{% endfor %}"
)
"""Ends the whole chat only, not its turns."""
