/** Apply the stored theme. A classic script, so that it runs before the first frame. */
{
  const chosen = localStorage.getItem('zeef-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
